package io.enos.sdk.junit;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the devices of a seed; the hub has checked by then that it is one. */
final class SeedDevices {
    private static final Pattern DEVICES = Pattern.compile("\"devices\"\\s*:\\s*\\[");

    private SeedDevices() {}

    /** Those that have a secret, in the order of the seed. */
    static List<HubDevice> of(String seed) {
        List<HubDevice> devices = new ArrayList<>();
        Matcher found = DEVICES.matcher(seed);
        if (!found.find()) {
            return devices;
        }
        int depth = 0;
        boolean text = false;
        StringBuilder flat = new StringBuilder();
        for (int at = found.end(); at < seed.length(); at++) {
            char c = seed.charAt(at);
            if (text && c == '\\') {
                if (depth == 1) {
                    flat.append(c).append(seed.charAt(at + 1));
                }
                at++;
                continue;
            }
            text ^= c == '"';
            if (!text && (c == '}' || c == ']') && --depth <= 0) {
                if (depth < 0) {
                    break;
                }
                add(devices, flat.toString());
                flat.setLength(0);
            }
            // What is nested deeper is no key of the device.
            if (depth == 1) {
                flat.append(c);
            }
            if (!text && (c == '{' || c == '[')) {
                depth++;
            }
        }
        return devices;
    }

    private static void add(List<HubDevice> devices, String flat) {
        String secret = field(flat, "deviceSecret");
        if (secret != null) {
            devices.add(new HubDevice(field(flat, "productKey"), field(flat, "deviceKey"), secret));
        }
    }

    private static String field(String flat, String name) {
        Matcher found = Pattern.compile("\"" + name + "\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(flat);
        return found.find() ? found.group(1).replace("\\\"", "\"").replace("\\\\", "\\") : null;
    }
}
