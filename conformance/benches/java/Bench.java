import java.util.Arrays;

/**
 * What the measured Java programs share: the order on their command line, and the lines that they print.
 *
 * <p>A line says where the program is; whoever started it reads its CPU clock or its memory then. After the last one the
 * program waits until its input is closed, so that it is still there to be read.
 */
final class Bench {
    final String task;
    final String host;
    final int port;
    final int count;
    final int warmUp;
    final int window;
    final String productKey;
    final String deviceKey;
    /** What stands behind the id in a post. */
    final String postRest;

    private int done;

    /** TASK HOST PORT COUNT WARM_UP WINDOW PRODUCT_KEY DEVICE_KEY POST_REST. */
    Bench(String[] order) {
        task = order[0];
        host = order[1];
        port = Integer.parseInt(order[2]);
        count = Integer.parseInt(order[3]);
        warmUp = Integer.parseInt(order[4]);
        window = Integer.parseInt(order[5]);
        productKey = order[6];
        deviceKey = order[7];
        postRest = order[8];
    }

    String user() {
        return deviceKey + "&" + productKey;
    }

    String topic() {
        return "/sys/" + productKey + "/" + deviceKey + "/thing/measurepoint/post";
    }

    String post(int id) {
        return "{\"id\":\"" + id + postRest;
    }

    static String answer(String id) {
        return "{\"id\":\"" + id + "\",\"code\":200,\"data\":\"\"}";
    }

    /** The text of the first "id" of a message, found without parsing the rest. */
    static String idOf(String message) {
        int start = message.indexOf("\"id\":\"") + 6;
        return message.substring(start, message.indexOf('"', start));
    }

    /** "begin": the warm-up is over. "end": all is done. "first": the first post is settled. "idle": connected. */
    static void mark(String what) {
        // The moment first: what printing costs is not the program's.
        long now = System.nanoTime();
        System.out.println(what + " " + now);
    }

    /** Ends the program from whatever thread. */
    static void fail(Throwable why) {
        why.printStackTrace();
        Runtime.getRuntime().halt(1);
    }

    /** Waits until the input is closed. */
    static void waitForRelease() throws Exception {
        while (System.in.read() >= 0) {
        }
    }

    /** Ends the program once its input is closed; threads of a library may be running. */
    static void leave() throws Exception {
        waitForRelease();
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    /** Counts what is done, marks the end of the warm-up and of the work, and says whether all is done. One thread. */
    boolean add() {
        done++;
        if (done == warmUp) {
            mark("begin");
        }
        if (done == count) {
            mark("end");
            return true;
        }
        return false;
    }

    /** One thing to do, which ends when it is done. */
    interface Action {
        void run() throws Exception;
    }

    /** Does it again and again; prints the middle and the 99th percentile. */
    void oneAtATime(Action action) throws Exception {
        double[] micros = new double[count];
        for (int number = 0; number < count; number++) {
            if (number == warmUp) {
                mark("begin");
            }
            long start = System.nanoTime();
            action.run();
            micros[number] = (System.nanoTime() - start) / 1e3;
        }
        double[] counted = Arrays.copyOfRange(micros, warmUp, count);
        Arrays.sort(counted);
        int last = counted.length - 1;
        System.out.println("figures {\"p50_us\":" + counted[last / 2] + ",\"p99_us\":"
                + counted[(int) Math.round(last * 0.99)] + "}");
        mark("end");
    }
}
