/** A program that does nothing: what a start costs by itself. */
final class Empty {
    public static void main(String[] order) throws Exception {
        Bench.mark("first");
        Bench.leave();
    }
}
