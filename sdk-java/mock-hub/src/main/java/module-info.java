/** The EnOS mock hub: the cloud side for tests, as a process of its own. */
module io.enos.mockhub {
    exports io.enos.mockhub;
}
