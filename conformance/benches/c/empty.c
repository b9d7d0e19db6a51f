/* A program that does nothing: what a start costs by itself. */
#include "bench.h"

int main(void)
{
    mark("first");
    wait_for_release();
    return 0;
}
