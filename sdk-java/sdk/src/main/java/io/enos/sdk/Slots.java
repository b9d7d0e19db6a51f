package io.enos.sdk;

import java.util.Arrays;

/** Futures that wait, by small numbers: what crosses the border is the number. */
final class Slots {
    private Answer<?>[] answers = new Answer<?>[16];
    /** Free places, as a stack; each place is in it or in use. */
    private int[] free = new int[16];
    private int freeCount;
    private int used;

    synchronized int put(Answer<?> answer) {
        int slot;
        if (freeCount > 0) {
            slot = free[--freeCount];
        } else {
            slot = used++;
            if (slot == answers.length) {
                answers = Arrays.copyOf(answers, 2 * slot);
                free = Arrays.copyOf(free, 2 * slot);
            }
        }
        answers[slot] = answer;
        return slot;
    }

    synchronized Answer<?> take(int slot) {
        Answer<?> answer = answers[slot];
        answers[slot] = null;
        free[freeCount++] = slot;
        return answer;
    }
}
