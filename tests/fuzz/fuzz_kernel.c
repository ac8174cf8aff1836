/* libFuzzer on the decoder's algorithm, below the Python border; tests/fuzz/fuzz_ctc.py builds and runs it.
 *
 * The kernel's Python half is compiled along and never called; only its symbols must be found. */
#include "../../edge_ocr/ctc/_kernel.c"

#include <math.h>

/* The input, and after its end noise that depends on it, so that short inputs are rich ones too. */
typedef struct {
    const uint8_t *data;
    size_t size;
    uint32_t noise;
} Bytes;

static uint32_t take(Bytes *from, int count) {
    uint32_t value = 0;
    for (; count > 0; count--) {
        from->noise = (from->noise ^ (from->size ? *from->data : 0u)) * 16777619u + 12345u;
        value = value << 8 | (from->size ? *from->data : from->noise >> 24);
        if (from->size) {
            from->data++;
            from->size--;
        }
    }
    return value;
}

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void demand(bool held) {
    if (!held) __builtin_trap();
}

/* Mostly well-formed; now and then any bits at all. */
static Automaton *take_automaton(Bytes *from, int32_t classes, int32_t blank) {
    static int32_t offsets[9], labels[64], targets[64];
    static float weights[64], accept[8];
    int32_t states = 1 + (int32_t)take(from, 1) % 8, edges = 0;
    bool wild = take(from, 1) == 255;
    for (int32_t s = 0; s < states; s++) {
        offsets[s] = wild ? (int32_t)take(from, 4) : edges;
        uint32_t mask = take(from, 1);
        for (int32_t c = 0; c < 8; c++) {
            if (!(mask >> c & 1) || c >= classes || c == blank) continue;
            labels[edges] = wild ? (int32_t)take(from, 4) : c;
            targets[edges] = wild ? (int32_t)take(from, 4) : (int32_t)take(from, 1) % states;
            uint32_t weight = take(from, 1);
            weights[edges++] = wild ? float_of(take(from, 4)) : ((float)weight - 128.0f) * (weight & 1 ? 2.3f : 0.05f);
        }
        uint32_t end = take(from, 1);
        accept[s] = wild ? float_of(take(from, 4)) : end < 128 ? (float)-INFINITY : ((float)end - 192.0f) * 4.6f;
    }
    offsets[states] = wild ? (int32_t)take(from, 4) : edges;
    const char *fault;
    Arrays arrays = {states, edges, offsets, labels, targets, weights, accept};
    Automaton *made = make_automaton(&arrays, blank, &fault);
    demand(wild || made);
    return made;
}

static void check_answers(const Answers *answers, const Batch *batch, const Automaton *automaton, bool searched) {
    double before = INFINITY;
    for (size_t i = 0; i < answers->count; i++) {
        const Answer *answer = &answers->list[i];
        Source s = sequence(batch, answer->item);
        const int32_t *labels = answers->numbers + answer->numbers, *starts = labels + answer->count;
        demand(answer->count <= s.steps && answer->log_prob == answer->log_prob && isfinite(answer->weight));
        demand(!searched || answer->log_prob > -INFINITY);
        for (int32_t k = 0; k < answer->count; k++) {
            demand(labels[k] >= 0 && labels[k] < s.classes && labels[k] != s.blank);
            demand(starts[k] >= 0 && starts[k] < s.steps && (k == 0 || starts[k] > starts[k - 1]));
        }
        if (searched && i > 0 && answers->list[i - 1].item == answer->item)
            demand(answer->log_prob + answer->weight <= before);
        before = answer->log_prob + answer->weight;
        if (!automaton) continue;
        int32_t state = 0;
        for (int32_t k = 0; k < answer->count; k++) {
            int32_t edge = find_edge(automaton, state, labels[k]);
            demand(edge >= 0);
            state = automaton->edge[edge].target;
        }
        demand(automaton->accept[state] > (float)-INFINITY);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Bytes from = {data, size, 2166136261u};
    static char values[3 * 40 * 24 * 4];
    double powers[256];
    uint32_t mode = take(&from, 1);
    int32_t classes = 1 + (int32_t)take(&from, 1) % 20, steps = (int32_t)take(&from, 1) % 41, width;
    Py_ssize_t items = 1 + take(&from, 1) % 3;
    bool int8 = mode & 1, wild = (mode & 14) == 14;
    size_t element = int8 ? 1 : 4, spread = mode & 16 ? element + 1 : element; /* unaligned, too */
    if (spread * (size_t)steps * (size_t)classes * (size_t)items > sizeof values) steps = 20;
    Batch batch = {.items = items, .stride = (ptrdiff_t)(spread * (size_t)steps * (size_t)classes)};
    batch.source = (Source){.data = values,
                            .step = (ptrdiff_t)(spread * (size_t)classes),
                            .stride = (ptrdiff_t)spread,
                            .steps = steps,
                            .classes = classes,
                            .blank = (int32_t)take(&from, 1) % classes,
                            .unit = int8 ? 0.001 * (1 + take(&from, 2)) : 0.0,
                            .powers = powers};
    for (int k = 0; k < 256; k++) powers[k] = exp_of(-batch.source.unit * k);
    if (mode & 32) { /* classes before steps */
        batch.source.step = (ptrdiff_t)spread;
        batch.source.stride = (ptrdiff_t)(spread * (size_t)steps);
    }
    int64_t lengths[3];
    for (int k = 0; k < 3; k++) lengths[k] = take(&from, 1) % (uint32_t)(steps + 1);
    if (mode & 64) batch.lengths = lengths;
    uint32_t wish = take(&from, 1);
    width = wish < 240 ? 1 + (int32_t)wish % 24 : wish < 254 ? 100 : 65536 >> (steps > 4 ? 6 : 0);
    int32_t top = 1 + (int32_t)take(&from, 1) % width;
    double prune = take(&from, 1) / 256.0;
    if (wish & 1) prune = 0.0;
    Automaton *automaton = mode & 128 ? take_automaton(&from, classes, batch.source.blank) : NULL;
    uint32_t slope = take(&from, 1);
    for (char *at = values; at + spread <= values + items * batch.stride; at += spread) {
        float x = wild ? float_of(take(&from, 4)) : -(float)take(&from, 1) * (0.01f + (float)(slope * slope) * 0.01f);
        if (int8) *at = (char)take(&from, 1);
        else memcpy(at, &x, sizeof x);
    }
    Answers best = {0}, found = {0};
    Outcome outcome = run_greedy(&batch, &best);
    demand(outcome.kind == DONE || (outcome.kind == UNFIT && wild));
    if (outcome.kind == DONE) check_answers(&best, &batch, NULL, false);
    outcome = run_search(&batch, width, top, prune, automaton, &found);
    demand(outcome.kind == DONE || (outcome.kind == UNFIT && wild));
    if (outcome.kind == DONE) {
        check_answers(&found, &batch, automaton, true);
        for (size_t i = 0; i < found.count; i++) { /* what was found scores what it was said to */
            const Answer *answer = &found.list[i];
            size_t offsets[2] = {0, (size_t)answer->count};
            Texts texts = {found.numbers + answer->numbers, offsets, 1, (size_t)answer->count};
            double scores[3];
            demand(run_score(&batch, &texts, scores).kind == DONE);
            demand(scores[answer->item] == answer->log_prob);
            if (i == 2) break;
        }
    }
    free_answers(&best);
    free_answers(&found);
    free(automaton);
    return 0;
}
