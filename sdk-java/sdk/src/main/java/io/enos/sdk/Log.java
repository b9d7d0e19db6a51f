package io.enos.sdk;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/** The log: the native side's lines and those of this one, in {@code System.Logger}. */
final class Log {
    /** The logger's name; set its level with the means of the program's log back end. */
    static final String NAME = "io.enos.sdk";

    private static final Level[] LEVELS = {
        Level.OFF, Level.ERROR, Level.WARNING, Level.INFO, Level.DEBUG, Level.TRACE,
    };

    private static volatile int told = 3;

    private Log() {}

    private static Logger logger() {
        return System.getLogger(NAME);
    }

    /** A line of the native side. Follows the logger's level: what is switched off there is not made here. */
    static void line(int level, String text) {
        Logger logger = logger();
        logger.log(LEVELS[level], text);
        int wanted = 0;
        while (wanted + 1 < LEVELS.length && logger.isLoggable(LEVELS[wanted + 1])) {
            wanted++;
        }
        if (wanted != told) {
            told = wanted;
            Native.logLevel(wanted);
        }
    }

    static void warn(String text) {
        logger().log(Level.WARNING, text);
    }

    static void warn(String text, Throwable cause) {
        try {
            logger().log(Level.WARNING, text, cause);
        } catch (Throwable broken) {
            // A logger that throws must not end a callback thread; its own trouble goes where all else failed.
            System.err.println(text);
        }
    }
}
