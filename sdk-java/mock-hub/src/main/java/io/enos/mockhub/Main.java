package io.enos.mockhub;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Runs the hub's program with the arguments of the command line: {@code serve}, {@code seed --example}. */
public final class Main {
    private Main() {}

    /** Ends as the program ends; ends the program when the JVM is ended. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Program.path().toString());
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).inheritIO().start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroy));
        System.exit(process.waitFor());
    }
}
