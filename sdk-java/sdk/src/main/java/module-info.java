/** The EnOS device SDK: a device signs in, posts measurepoints and takes commands. */
module io.enos.sdk {
    exports io.enos.sdk;
}
