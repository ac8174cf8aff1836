/* CTC decoding: greedy, prefix beam search along an automaton, and the exact forward score.
 *
 * Graves, Fernandez, Gomez, Schmidhuber: Connectionist Temporal Classification (ICML 2006) has the forward algorithm;
 * Hannun, Maas, Jurafsky, Ng: First-Pass Large Vocabulary CTC (2014) the prefix beam search. How the two are made fast
 * and stay exact is written down in docs/design/ctc.md.
 *
 * The file has two halves. The algorithm knows nothing of Python, takes the memory that it needs before it looks at
 * the first step, and computes in double precision with additions and multiplications whose order is written out, so
 * that every IEEE 754 machine gets the same bits (compile with -ffp-contract=off). The border, below it, turns Python
 * arguments into C ones, refuses the impossible ones by name, and holds the GIL only while it does so.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <float.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ numbers */

#define MINUS_INFINITY (-(double)__builtin_inf())
/* Log-probabilities may exceed 0 by what rounding (of half precision, too) explains; more is another quantity. */
#define HIGHEST_LOG_PROB 1e-3f
/* Bound of the automaton's log-weights: e^300 and e^-300 leave masses room on both sides within a double. */
#define HEAVIEST 300.0f

static inline uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Registers of 16 bytes, which SSE2 and NEON have (a GNU C extension that GCC and Clang share). */
typedef double Doubles __attribute__((vector_size(16)));
typedef int64_t Longs __attribute__((vector_size(16)));
typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));

/* e^x for x in -708..709, 0 below; relative error under (2 + |x|) * 2^-53. The polynomial is the minimax one of 2^f for
 * |f| <= 1/2, by relative error. */
static inline Doubles exp_two(Doubles x) {
    Longs within = x >= -708.0;
    Doubles t = (Doubles)((Longs)x & within) * 0x1.71547652b82fep+0;
    Doubles shifted = t + 0x1.8p+52; /* the nearest integer, in the low bits */
    Doubles f = t - (shifted - 0x1.8p+52);
    Doubles y = f * 0x1.e3992178bd0ddp-28 + 0x1.b6740fb0785eap-24;
    y = y * f + 0x1.62c157ec7ee12p-20;
    y = y * f + 0x1.ffcb55e844f93p-17;
    y = y * f + 0x1.43091260573e4p-13;
    y = y * f + 0x1.5d87fe9cc5ce9p-10;
    y = y * f + 0x1.3b2ab6fbde0f3p-7;
    y = y * f + 0x1.c6b08d703d48ap-5;
    y = y * f + 0x1.ebfbdff82c3b9p-3;
    y = y * f + 0x1.62e42fefa3a17p-1;
    y = y * f + 1.0;
    return (Doubles)(((Longs)y + ((Longs)shifted << 52)) & within);
}

/* Exponentiates in place, two pairs at once for the sake of the pipelines. */
static inline void exp_four(double *four) {
    Doubles x, y;
    memcpy(&x, four, sizeof x);
    memcpy(&y, four + 2, sizeof y);
    x = exp_two(x);
    y = exp_two(y);
    memcpy(four, &x, sizeof x);
    memcpy(four + 2, &y, sizeof y);
}

static double exp_of(double x) {
    return exp_two((Doubles){x, x})[0];
}

/* Exponentiates in place, and writes up to three elements more. */
static void exp_all(double *list, size_t count) {
    for (size_t i = count; i & 3; i++) list[i] = 0.0;
    for (size_t i = 0; i < count; i += 4) exp_four(list + i);
}

/* log(x * 2^lift) for a normal positive x, -inf for 0; absolute error under 2^-52 times the larger of 1 and it. */
static double log_of(double x, int lift) {
    if (x < DBL_MIN) return MINUS_INFINITY;
    uint64_t bits = bits_of(x);
    int n = (int)(bits >> 52) - 1023;
    double m = double_of((bits & 0x000fffffffffffffu) | 0x3ff0000000000000u);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        n++;
    }
    double s = (m - 1.0) / (m + 1.0), q = s * s; /* log m = 2 atanh s, |s| <= 0.172 */
    double y = 1.0 / 21.0;
    for (int k = 19; k >= 3; k -= 2) y = y * q + 1.0 / k;
    return (double)(n + lift) * 0.6931471805599453 + 2.0 * (s + s * q * y);
}

static double log_add(double a, double b) {
    double high = a > b ? a : b, low = a > b ? b : a;
    if (low == MINUS_INFINITY) return high;
    return high + log_of(1.0 + exp_of(low - high), 0);
}

/* ------------------------------------------------------------------------------------------------ memory */

/* One block from which a call's arrays are cut; the first pass, with no block, only adds up the sizes. */
typedef struct {
    char *block;
    size_t used;
    bool overflow;
} Workspace;

static void *cut(Workspace *w, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2 - 64 - w->used) {
        w->overflow = true;
        return NULL;
    }
    void *start = w->block ? w->block + w->used : NULL;
    w->used += (bytes + 63) & ~(size_t)63;
    return start;
}

static bool reserve(Workspace *w) {
    if (w->overflow) return false;
    w->block = malloc(w->used + 64);
    w->used = 0;
    return w->block != NULL;
}

/* ------------------------------------------------------------------------------------------------ steps */

/* One sequence: step t, class c lies at data + t * step + c * stride. */
typedef struct {
    const char *data;
    ptrdiff_t step, stride;
    int32_t steps, classes, blank;
    double unit;          /* logits a step of int8 is worth; 0: the classes are float32 log-probabilities */
    const double *powers; /* int8 only: e^(-unit * k), k = 0..255 */
} Source;

static inline float float_at(const Source *s, int32_t t, int32_t c) {
    float x;
    memcpy(&x, s->data + t * s->step + c * s->stride, sizeof x);
    return x;
}

static inline int int8_at(const Source *s, int32_t t, int32_t c) {
    return *(const signed char *)(s->data + t * s->step + c * s->stride);
}

/* The log-probabilities of step t: where they lie, if they lie together, or copied to `buffer`. */
static const float *row_at(const Source *s, int32_t t, float *restrict buffer) {
    const char *row = s->data + t * s->step;
    if (s->stride == sizeof(float) && (uintptr_t)row % sizeof(float) == 0) return (const float *)(const void *)row;
    for (int32_t c = 0; c < s->classes; c++) buffer[c] = float_at(s, t, c);
    return buffer;
}

static inline Floats higher_of(Floats a, Floats b) {
    Ints first = a > b;
    return (Floats)(((Ints)a & first) | ((Ints)b & ~first));
}

/* The highest of `count` log-probabilities; -inf where there are none and NaN where one is no log-probability. Eight at
 * a time in two chains, neither of which waits for the other. */
static float highest_of(const float *row, int32_t count) {
    Floats highest[2] = {(Floats){0} + (float)MINUS_INFINITY, (Floats){0} + (float)MINUS_INFINITY};
    Ints fit = ~(Ints){0};
    float few[8];
    if (count == 0) return (float)MINUS_INFINITY;
    if (count < 8) {
        for (int32_t c = 0; c < 8; c++) few[c] = row[c < count ? c : 0];
        row = few;
        count = 8;
    }
    for (int32_t c = 0; c < count; c += 8) {
        Floats x, y;
        int32_t from = c + 8 <= count ? c : count - 8; /* the last eight may have been seen before */
        memcpy(&x, row + from, sizeof x);
        memcpy(&y, row + from + 4, sizeof y);
        highest[0] = higher_of(x, highest[0]);
        highest[1] = higher_of(y, highest[1]);
        fit &= (x <= HIGHEST_LOG_PROB) & (y <= HIGHEST_LOG_PROB); /* NaN compares as false */
    }
    Floats all = higher_of(highest[0], highest[1]);
    float result = all[0];
    for (int k = 1; k < 4; k++) result = all[k] > result ? all[k] : result;
    return fit[0] & fit[1] & fit[2] & fit[3] ? result : __builtin_nanf("");
}
/* The log-probabilities of a sequence, (steps, classes), and the highest of each step, with and without the blank. */
typedef struct {
    double *logs, *highest, *highest_label;
} Steps;

static bool load_floats(const Source *s, int32_t t, float *restrict buffer, const Steps *into) {
    const int32_t classes = s->classes, blank = s->blank;
    const float *row = row_at(s, t, buffer);
    double *restrict logs = into->logs + (size_t)t * (size_t)classes;
    for (int32_t c = 0; c < classes; c++) logs[c] = (double)row[c];
    double before = (double)highest_of(row, blank), after = (double)highest_of(row + blank + 1, classes - blank - 1);
    double highest = before > after ? before : after;
    into->highest_label[t] = highest;
    into->highest[t] = highest > logs[blank] ? highest : logs[blank];
    return before == before && after == after && logs[blank] <= (double)HIGHEST_LOG_PROB;
}

static void load_logits(const Source *s, int32_t t, const Steps *into) {
    const int32_t classes = s->classes, blank = s->blank;
    double *restrict logs = into->logs + (size_t)t * (size_t)classes;
    int highest = -129, gap = int8_at(s, t, blank);
    for (int32_t c = 0; c < classes; c++) {
        int value = c == blank ? -129 : int8_at(s, t, c);
        highest = value > highest ? value : highest;
    }
    int top = highest > gap ? highest : gap;
    double sum = 0.0;
    for (int32_t c = 0; c < classes; c++) sum += s->powers[(top - int8_at(s, t, c)) & 255];
    double log_sum = log_of(sum, 0);
    for (int32_t c = 0; c < classes; c++) logs[c] = s->unit * (int8_at(s, t, c) - top) - log_sum;
    into->highest[t] = -log_sum;
    into->highest_label[t] = classes > 1 ? s->unit * (highest - top) - log_sum : MINUS_INFINITY;
}

/* Returns the first step that holds something else than log-probabilities, or -1. */
static int32_t load_steps(const Source *s, float *restrict buffer, const Steps *into) {
    for (int32_t t = 0; t < s->steps; t++) {
        if (s->unit > 0.0) load_logits(s, t, into);
        else if (!load_floats(s, t, buffer, into)) return t;
    }
    return -1;
}

/* The first class with that log-probability besides the blank; any class where there is none. */
static int32_t label_with(const double *logs, int32_t classes, int32_t blank, double value) {
    int32_t c = 0;
    for (; c + 8 < classes; c += 8) { /* eight at a time without looking which */
        Longs found = {0};
        for (int k = 0; k < 8; k += 2) {
            Doubles pair;
            memcpy(&pair, logs + c + k, sizeof pair);
            found |= pair == value;
        }
        if (!(found[0] | found[1])) continue;
        for (int k = 0; k < 8; k++) {
            if (logs[c + k] == value && c + k != blank) return c + k;
        }
    }
    while (c < classes - 1 && (logs[c] != value || c == blank)) c++;
    return c;
}

/* ------------------------------------------------------------------------------------------------ score */

/* The forward masses start at 2^1000. As a step's probabilities sum to at most 1, no sum of masses can exceed that, and
 * what underflow loses on the way is below steps * states * 2^-1022: nothing beside an end mass of 2^-900. */
#define START 1000
#define TRUSTED 0x1p-900

/* The probabilities of the few classes that some texts are made of, at every step: (steps, count), the blank first. */
typedef struct {
    int32_t *column;  /* of a class, or -1 */
    int32_t *classes; /* of a column */
    int32_t count;
    double *p;
} Table;

static void lay_out_table(Table *table, Workspace *w, int32_t steps, int32_t classes) {
    table->column = cut(w, (size_t)classes, sizeof *table->column);
    table->classes = cut(w, (size_t)classes, sizeof *table->classes);
    table->p = cut(w, (size_t)classes, (size_t)steps * sizeof *table->p);
    cut(w, 4, sizeof *table->p); /* padding */
}

static inline void add_class(Table *table, int32_t c) {
    if (table->column[c] >= 0) return;
    table->column[c] = table->count;
    table->classes[table->count++] = c;
}

static void clear_table(Table *table, const Source *s) {
    for (int32_t c = 0; c < s->classes; c++) table->column[c] = -1;
    table->count = 0;
    add_class(table, s->blank);
}

static void fill_table(Table *table, const Source *s, const double *logs) {
    double *p = table->p;
    for (int32_t t = 0; t < s->steps; t++, logs += s->classes) {
        for (int32_t k = 0; k < table->count; k++) *p++ = logs[table->classes[k]];
    }
    exp_all(table->p, (size_t)s->steps * (size_t)table->count);
}

/* A text to be scored, or how several begin: one label after the parent's, which stands before it in the list. */
typedef struct {
    double at, after; /* masses of the alignments that end in the label, and in the blank after it */
    double skip;      /* 1 where the label may follow its parent's without a blank, else 0 */
    int32_t parent, column;
} Prefix;

/* Prefixes that share what they have in common, from the empty one on. */
typedef struct {
    Prefix *list;
    int32_t count;
} Tree;

static void clear_tree(Tree *tree) {
    tree->list[0] = (Prefix){.after = 0x1p1000};
    tree->count = 1;
}

/* Returns where it stands. */
static int32_t add_prefix(Tree *tree, Table *table, int32_t parent, int32_t label) {
    add_class(table, label);
    int32_t column = table->column[label];
    double skip = tree->list[parent].column == column ? 0.0 : 1.0; /* the root has the blank's column */
    tree->list[tree->count] = (Prefix){.skip = skip, .parent = parent, .column = column};
    return tree->count++;
}

/* Fills the table, and runs the forward algorithm on all prefixes at once. */
static void forward(Tree *tree, Table *table, const Source *s, const double *logs) {
    fill_table(table, s, logs);
    const double *row = table->p;
    for (int32_t t = 0; t < s->steps; t++, row += table->count) {
        for (int32_t i = tree->count - 1; i > 0; i--) { /* children first: they need what their parents were */
            Prefix *x = &tree->list[i];
            const Prefix *parent = &tree->list[x->parent];
            double come = x->at + parent->after + x->skip * parent->at;
            x->after = (x->after + x->at) * row[0];
            x->at = come * row[x->column];
        }
        tree->list[0].after *= row[0];
    }
}

/* The forward algorithm in logarithms: slower by a factor of ten and without bounds. `rows` takes 2 * count + 2. */
static double forward_in_logs(const Source *s, const double *logs, const int32_t *labels, int32_t count,
                              double *restrict rows) {
    double *restrict before = rows, *restrict at = rows + count + 1; /* at[i] belongs to labels[i - 1] */
    for (int32_t i = 0; i <= count; i++) before[i] = at[i] = MINUS_INFINITY;
    before[0] = 0.0;
    for (int32_t t = 0; t < s->steps; t++, logs += s->classes) {
        double gap = logs[s->blank];
        for (int32_t i = count; i > 0; i--) {
            before[i] = log_add(before[i], at[i]) + gap;
            double come = log_add(at[i], before[i - 1]);
            if (i > 1 && labels[i - 1] != labels[i - 2]) come = log_add(come, at[i - 1]);
            at[i] = come + logs[labels[i - 1]];
        }
        before[0] += gap;
    }
    return log_add(before[count], at[count]);
}

/* log p(labels), whose last prefix this is, after `forward`. */
static double score_of(const Prefix *last, const Source *s, const double *logs, const int32_t *labels, int32_t count,
                       double *rows) {
    double mass = last->at + last->after;
    if (mass >= TRUSTED && mass <= DBL_MAX) return log_of(mass, -START);
    return forward_in_logs(s, logs, labels, count, rows);
}

/* Writes the step at which each label starts in the most likely alignment; equals stay where they are. `back` takes
 * steps * (2 * count + 1) bytes, `best` 2 * count + 1 logarithms. Even states are blanks, state 2 i + 1 is label i. */
static void align(const Source *s, const double *logs, const int32_t *labels, int32_t count, int32_t *restrict starts,
                  unsigned char *restrict back, double *restrict best) {
    const int32_t states = 2 * count + 1;
    if (count == 0) return;
    for (int32_t k = 0; k < states; k++) best[k] = MINUS_INFINITY;
    best[0] = 0.0;
    for (int32_t t = 0; t < s->steps; t++, logs += s->classes) {
        double gap = logs[s->blank];
        unsigned char *from = back + (size_t)t * (size_t)states;
        for (int32_t i = count - 1; i >= 0; i--) {
            double gone = best[2 * i + 2], here = best[2 * i + 1], gap_before = best[2 * i];
            double skip = i > 0 && labels[i] != labels[i - 1] ? best[2 * i - 1] : MINUS_INFINITY;
            bool advance = here > gone;
            from[2 * i + 2] = advance;
            best[2 * i + 2] = (advance ? here : gone) + gap;
            double near = gap_before > here ? gap_before : here;
            from[2 * i + 1] = (unsigned char)(skip > near ? 2 : gap_before > here);
            best[2 * i + 1] = (skip > near ? skip : near) + logs[labels[i]];
        }
        from[0] = 0;
        best[0] += gap;
    }
    for (int32_t i = 0; i < count; i++) starts[i] = 0;
    int32_t k = best[states - 1] > best[states - 2] ? states - 1 : states - 2;
    for (int32_t t = s->steps - 1; t >= 0; t--) {
        if (k & 1) starts[k / 2] = t;
        k -= back[(size_t)t * (size_t)states + (size_t)k];
    }
}

/* ------------------------------------------------------------------------------------------------ automaton */

typedef struct {
    int32_t first, count; /* its edges, ascending by label */
    int32_t lowest;       /* label, if every one from it on has an edge; else -1 */
    int32_t distance;     /* labels to the nearest accepting state; INT32_MAX: there is none */
    double heaviest;      /* e^weight of its edges */
} State;

typedef struct {
    double factor; /* e^weight */
    float weight;
    int32_t target;
} Edge;

/* A checked copy of edge_ocr.types.Automaton with what the search wants to know of every state and edge. Edges from
 * which nothing is accepted are left out. */
typedef struct {
    int32_t states, edges;
    int32_t highest; /* label; -1 without edges */
    int32_t deepest; /* distance, of the states that have one */
    int32_t *offsets, *labels, *targets;
    float *weights, *accept;
    State *state;
    Edge *edge;
} Automaton;

static void lay_out_automaton(Automaton *a, Workspace *w) {
    size_t states = (size_t)a->states, edges = (size_t)a->edges;
    a->offsets = cut(w, states + 1, sizeof *a->offsets);
    a->labels = cut(w, edges, sizeof *a->labels);
    a->targets = cut(w, edges, sizeof *a->targets);
    a->weights = cut(w, edges, sizeof *a->weights);
    a->accept = cut(w, states, sizeof *a->accept);
    a->state = cut(w, states, sizeof *a->state);
    a->edge = cut(w, edges, sizeof *a->edge);
}

/* What is wrong with the arrays, or NULL. */
static const char *check_automaton(const Automaton *a) {
    if (a->offsets[0] != 0) return "automaton.offsets must start at 0";
    for (int32_t s = 0; s < a->states; s++) {
        if (a->offsets[s + 1] < a->offsets[s]) return "automaton.offsets must ascend";
    }
    if (a->offsets[a->states] != a->edges) return "automaton.offsets must end at the number of edges";
    for (int32_t s = 0; s < a->states; s++) {
        for (int32_t e = a->offsets[s]; e < a->offsets[s + 1]; e++) {
            if (a->labels[e] < 0) return "automaton.labels must not be negative";
            if (e > a->offsets[s] && a->labels[e] <= a->labels[e - 1])
                return "automaton.labels must ascend within each state, so that no label has two edges";
            if (a->targets[e] < 0 || a->targets[e] >= a->states) return "automaton.targets must be states";
            if (!(a->weights[e] >= -HEAVIEST && a->weights[e] <= HEAVIEST))
                return "automaton.weights must lie in -300..300 (natural logarithms)";
        }
        if (!(a->accept[s] >= -HEAVIEST && a->accept[s] <= HEAVIEST) && a->accept[s] != (float)MINUS_INFINITY)
            return "automaton.accept must be -inf or lie in -300..300 (natural logarithms)";
    }
    return NULL;
}

/* Breadth first, from the accepting states, against the edges. `heads` takes states + 1, `tails` edges, `queue`
 * states. */
static void measure_distances(Automaton *a, int32_t *heads, int32_t *tails, int32_t *queue) {
    memset(heads, 0, ((size_t)a->states + 1) * sizeof *heads);
    for (int32_t e = 0; e < a->edges; e++) heads[a->targets[e] + 1]++;
    for (int32_t s = 0; s < a->states; s++) heads[s + 1] += heads[s];
    for (int32_t s = a->states - 1; s >= 0; s--) {
        for (int32_t e = a->offsets[s]; e < a->offsets[s + 1]; e++) tails[--heads[a->targets[e] + 1]] = s;
    }
    /* heads[s + 1] now is where the edges into s begin; they end where those into s + 1 begin. */
    int32_t last = 0;
    for (int32_t s = 0; s < a->states; s++) {
        bool accepts = a->accept[s] != (float)MINUS_INFINITY;
        a->state[s].distance = accepts ? 0 : INT32_MAX;
        if (accepts) queue[last++] = s;
    }
    a->deepest = 0;
    for (int32_t first = 0; first < last; first++) {
        int32_t s = queue[first], end = s + 1 < a->states ? heads[s + 2] : a->edges;
        a->deepest = a->state[s].distance;
        for (int32_t e = heads[s + 1]; e < end; e++) {
            if (a->state[tails[e]].distance != INT32_MAX) continue;
            a->state[tails[e]].distance = a->state[s].distance + 1;
            queue[last++] = tails[e];
        }
    }
}

static void complete_automaton(Automaton *a, int32_t *heads, int32_t *tails, int32_t *queue) {
    measure_distances(a, heads, tails, queue);
    int32_t kept = 0;
    a->highest = -1;
    for (int32_t s = 0; s < a->states; s++) {
        State *state = &a->state[s];
        state->first = kept;
        state->heaviest = 0.0;
        for (int32_t e = a->offsets[s]; e < a->offsets[s + 1]; e++) {
            int32_t label = a->labels[e], target = a->targets[e];
            a->highest = label > a->highest ? label : a->highest;
            if (a->state[target].distance == INT32_MAX) continue;
            double factor = exp_of((double)a->weights[e]);
            a->edge[kept] = (Edge){factor, a->weights[e], target};
            a->labels[kept++] = label; /* kept <= e: nothing unread is overwritten */
            state->heaviest = factor > state->heaviest ? factor : state->heaviest;
        }
        state->count = kept - state->first;
        const int32_t *labels = a->labels + state->first;
        bool gapless = state->count > 0 && labels[state->count - 1] - labels[0] == state->count - 1;
        state->lowest = gapless ? labels[0] : -1;
    }
}

/* The five arrays of edge_ocr.types.Automaton. */
typedef struct {
    int32_t states, edges;
    const void *offsets, *labels, *targets, *weights, *accept;
} Arrays;

/* A checked copy, to be freed by free(); or NULL, with what is wrong in `*fault`, which is NULL if memory is short. */
static Automaton *make_automaton(const Arrays *from, int64_t blank, const char **fault) {
    Automaton *a = NULL, draft = {.states = from->states, .edges = from->edges};
    size_t states = (size_t)from->states, edges = (size_t)from->edges;
    Workspace w = {0}, scratch = {0};
    *fault = NULL;
    for (int pass = 0; pass < 2; pass++) {
        if (pass && !reserve(&w)) return NULL;
        a = cut(&w, 1, sizeof *a);
        lay_out_automaton(&draft, &w);
    }
    *a = draft;
    memcpy(a->offsets, from->offsets, (states + 1) * sizeof *a->offsets);
    if (edges > 0) {
        memcpy(a->labels, from->labels, edges * sizeof *a->labels);
        memcpy(a->targets, from->targets, edges * sizeof *a->targets);
        memcpy(a->weights, from->weights, edges * sizeof *a->weights);
    }
    memcpy(a->accept, from->accept, states * sizeof *a->accept);
    *fault = check_automaton(a);
    for (size_t e = 0; !*fault && e < edges; e++) {
        if (a->labels[e] == blank) *fault = "automaton.labels must not hold the blank";
    }
    int32_t *heads, *tails, *queue;
    for (int pass = 0; pass < 2; pass++) {
        if (*fault || (pass && !reserve(&scratch))) {
            free(a);
            return NULL;
        }
        heads = cut(&scratch, states + 1, sizeof *heads);
        tails = cut(&scratch, edges, sizeof *tails);
        queue = cut(&scratch, states, sizeof *queue);
    }
    complete_automaton(a, heads, tails, queue);
    free(scratch.block);
    return a;
}

/* The state's edge of that label, or -1. */
static inline int32_t find_edge(const Automaton *a, int32_t from, int32_t label) {
    const State *state = &a->state[from];
    if (state->lowest >= 0) {
        uint32_t place = (uint32_t)label - (uint32_t)state->lowest;
        return place < (uint32_t)state->count ? state->first + (int32_t)place : -1;
    }
    int32_t low = state->first, end = low + state->count, high = end;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (a->labels[middle] < label) low = middle + 1;
        else high = middle;
    }
    return low < end && a->labels[low] == label ? low : -1;
}

/* ------------------------------------------------------------------------------------------------ ranking */

/* Something with a mass: an entry of the beam that stays (label -1) or is extended by a label, or a class. */
typedef struct {
    double mass;
    int32_t entry, label;
} Candidate;

static inline bool worse(const Candidate *a, const Candidate *b) {
    if (a->mass != b->mass) return a->mass < b->mass;
    if (a->entry != b->entry) return a->entry > b->entry;
    return a->label > b->label;
}

/* heap[0] is the worst of all below it, and so on down. */
static void sift(Candidate *heap, int32_t count, int32_t at) {
    Candidate moved = heap[at];
    for (;;) {
        int32_t child = 2 * at + 1;
        if (child >= count) break;
        child += child + 1 < count && worse(&heap[child + 1], &heap[child]);
        if (!worse(&heap[child], &moved)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static void make_heap(Candidate *heap, int32_t count) {
    for (int32_t at = count / 2 - 1; at >= 0; at--) sift(heap, count, at);
}

static void sort_heap(Candidate *heap, int32_t count) {
    while (count > 1) {
        Candidate worst = heap[0];
        heap[0] = heap[--count];
        heap[count] = worst;
        sift(heap, count, 0);
    }
}

static void sort_few(Candidate *list, int32_t count) {
    for (int32_t k = 1; k < count; k++) {
        Candidate moved = list[k];
        int32_t at = k;
        for (; at > 0 && worse(&list[at - 1], &moved); at--) list[at] = list[at - 1];
        list[at] = moved;
    }
}

/* Best first. */
static void sort(Candidate *list, int32_t count) {
    if (count <= 16) {
        sort_few(list, count);
    } else {
        make_heap(list, count);
        sort_heap(list, count);
    }
}

/* The best `width` of all candidates that are offered; a heap once there are that many. */
typedef struct {
    Candidate *list;
    int32_t count, width;
    double threshold; /* a mass at or below it cannot be among them */
} Ranking;

static inline void offer(Ranking *r, double mass, int32_t entry, int32_t label) {
    if (mass <= r->threshold) return;
    Candidate c = {mass, entry, label};
    if (r->count < r->width) {
        r->list[r->count++] = c;
        if (r->count < r->width) return;
        make_heap(r->list, r->count);
    } else {
        r->list[0] = c;
        sift(r->list, r->count, 0);
    }
    r->threshold = r->list[0].mass > r->threshold ? r->list[0].mass : r->threshold;
}

static void sort_ranking(Ranking *r) {
    if (r->count < r->width) {
        sort(r->list, r->count);
    } else if (r->count > 16) {
        sort_heap(r->list, r->count);
    } else { /* backwards, a heap is nearly in order */
        for (int32_t i = 0, j = r->count - 1; i < j; i++, j--) {
            Candidate moved = r->list[i];
            r->list[i] = r->list[j];
            r->list[j] = moved;
        }
        sort_few(r->list, r->count);
    }
}

/* ------------------------------------------------------------------------------------------------ beam search */

/* The best mass of a step is brought to 2^512: weights up to e^300 fit above it, and below it the beam reaches down by
 * a factor of e^1000 before FAINTEST ends it. */
#define LEVEL 512
#define FAINTEST 0x1p-960
/* A step whose most likely class is less likely than e^-500 is taken relative to that class. */
#define NEAR -500.0

/* A prefix, as the label after its parent's. Nodes outlive their entry in the beam, for the children that have one. */
typedef struct {
    int32_t parent, label, child, sibling; /* -1: none */
    int32_t slot;                          /* its entry in the beam, or -1 */
    int32_t edge;                          /* that led here, or -1 */
} Node;

/* One hypothesis: the masses (probability * e^weight) of its alignments that end in the blank and in its last label. */
typedef struct {
    double blank, label, weight;
    int32_t node, state, last;
    int32_t child, sibling; /* entries whose parent this one is, and the next of them; -1: none */
} Entry;

typedef struct {
    const Automaton *automaton;
    int32_t count, nodes_used;
    Node *nodes;
    Entry *entries, *next;
    double *totals; /* an entry's masses together; they descend */
    double *reach;  /* that times the weight of its state's heaviest edge: no entry can bring a label more */
    double *stay_blank, *stay_label;
    Ranking ranking;
    Candidate *classes; /* those that can lead into the beam, with their probabilities */
    double *p;       /* of the classes whose `known` is the step that is being looked at */
    int64_t lifted;  /* all masses are 2^this times what they stand for */
    int32_t *known, *passing;
} Beam;

/* How many hypotheses there can be at once; `nodes` gets how many prefixes there can have been. */
static size_t widest(size_t width, int32_t steps, int32_t classes, size_t *nodes) {
    size_t count = 1, rest = 0;
    *nodes = 1;
    for (int32_t t = 0; t < steps && rest == 0; t++) {
        if ((size_t)classes > width / count) {
            count = width;
            rest = (size_t)(steps - t - 1);
        } else {
            count *= (size_t)classes;
            if (count == 1) rest = (size_t)(steps - t - 1);
        }
        *nodes += count;
    }
    size_t more;
    if (__builtin_mul_overflow(rest, count, &more) || __builtin_add_overflow(*nodes, more, nodes)) *nodes = SIZE_MAX;
    return count;
}

static void lay_out_beam(Beam *b, Workspace *w, size_t width, size_t nodes, int32_t classes) {
    b->nodes = cut(w, nodes, sizeof *b->nodes);
    b->entries = cut(w, width, sizeof *b->entries);
    b->next = cut(w, width, sizeof *b->next);
    b->totals = cut(w, width, sizeof *b->totals);
    b->reach = b->automaton ? cut(w, width, sizeof *b->reach) : b->totals;
    b->stay_blank = cut(w, width, sizeof *b->stay_blank);
    b->stay_label = cut(w, width, sizeof *b->stay_label);
    b->ranking.width = (int32_t)width;
    b->ranking.list = cut(w, width, sizeof *b->ranking.list);
    b->classes = cut(w, (size_t)classes, sizeof *b->classes);
    b->passing = cut(w, (size_t)classes + 1, sizeof *b->passing);
    b->p = cut(w, (size_t)classes, sizeof *b->p);
    b->known = cut(w, (size_t)classes, sizeof *b->known);
}

static void begin(Beam *b, int32_t classes) {
    b->nodes[0] = (Node){.parent = -1, .label = -1, .child = -1, .sibling = -1, .slot = 0, .edge = -1};
    b->nodes_used = 1;
    b->entries[0] = (Entry){.blank = 0x1p512, .last = -1, .child = -1, .sibling = -1};
    b->totals[0] = 0x1p512;
    if (b->automaton) b->reach[0] = 0x1p512 * b->automaton->state[0].heaviest;
    b->count = 1;
    b->lifted = LEVEL;
    for (int32_t c = 0; c < classes; c++) b->known[c] = -1;
}

/* The step that is being looked at. */
typedef struct {
    const double *logs;
    double highest_label;
    double least;      /* classes whose log-probability is below it do not count */
    double shift;      /* what all logs are taken relative to, where they would be out of reach; mostly 0 */
    int32_t t, left;   /* which one it is, and how many come after it */
    int32_t waiting[4], count;
} Step;

/* Exponentials are the dearest part of a step and few are ever needed: classes are asked for, and answered by fours. */
static void answer(Beam *b, Step *step) {
    if (step->count == 0) return;
    for (int k = step->count; k < 4; k++) step->waiting[k] = step->waiting[0];
    const int32_t *w = step->waiting;
    double x[4];
    for (int k = 0; k < 4; k++) x[k] = step->logs[w[k]] - step->shift;
    exp_four(x);
    for (int k = 0; k < 4; k++) b->p[w[k]] = x[k];
    step->count = 0;
}

static inline void ask(Beam *b, Step *step, int32_t c) {
    if (b->known[c] == step->t) return;
    b->known[c] = step->t;
    step->waiting[step->count++] = c;
    if (step->count == 4) answer(b, step);
}

/* The mass with which `e` goes on to a label: after the same one only what a blank has separated from it. */
static inline double onward(const Entry *e, double total, int32_t label) {
    return label == e->last ? e->blank : total;
}

/* Whether something can still be accepted from a state when `left` steps remain. */
static inline bool in_time(const Automaton *a, int32_t state, int32_t left) {
    return !a || left >= a->deepest || a->state[state].distance <= left;
}

/* Candidates for staying as they are: by a blank, by repeating the last label, or because the parent, which is in the
 * beam as well, goes on to that label. */
static void stay(Beam *b, Step *step, int32_t blank) {
    ask(b, step, blank);
    for (int32_t i = 0; i < b->count; i++) {
        if (b->entries[i].last >= 0) ask(b, step, b->entries[i].last);
    }
    answer(b, step);
    double gap = step->logs[blank] >= step->least ? b->p[blank] : 0.0;
    for (int32_t i = 0; i < b->count; i++) {
        Entry *e = &b->entries[i];
        double again = 0.0;
        if (e->last >= 0) {
            const Node *node = &b->nodes[e->node];
            int32_t j = b->nodes[node->parent].slot;
            again = e->label;
            if (j >= 0) {
                double factor = node->edge >= 0 ? b->automaton->edge[node->edge].factor : 1.0;
                again += onward(&b->entries[j], b->totals[j], e->last) * factor;
                e->sibling = b->entries[j].child;
                b->entries[j].child = i;
            }
            again *= step->logs[e->last] >= step->least ? b->p[e->last] : 0.0;
        }
        double in_blank = b->totals[i] * gap, total = in_blank + again;
        b->stay_blank[i] = in_blank;
        b->stay_label[i] = again;
        if (in_time(b->automaton, e->state, step->left)) offer(&b->ranking, total, i, -1);
            }
}

static inline int exponent_of(double x) { return (int)(bits_of(x) >> 52) - 1023; }

/* The classes other than the likeliest that can still lead into the beam, best first; returns how many. */
static int32_t rank_classes(Beam *b, Step *step, int32_t classes, int32_t blank, int32_t likeliest) {
    double farthest = b->reach[0];
    if (b->automaton) {
        for (int32_t i = 1; i < b->count; i++) farthest = b->reach[i] > farthest ? b->reach[i] : farthest;
    }
    /* A class below 2^(this power) times the farthest reach cannot pass the threshold. */
    int power = exponent_of(b->ranking.threshold) - exponent_of(farthest) - 1;
    double lowest = power * 0.6931471805599453 - 0.01 + step->shift;
    lowest = lowest > step->least ? lowest : step->least;
    int32_t passing = 0, count = 0;
    for (int32_t c = 0; c < classes; c++) { /* without a branch: which classes pass is not predictable */
        b->passing[passing] = c;
        passing += step->logs[c] >= lowest;
    }
    for (int32_t k = 0; k < passing; k++) ask(b, step, b->passing[k]);
    answer(b, step);
    for (int32_t k = 0; k < passing; k++) {
        int32_t c = b->passing[k];
        if (c != blank && c != likeliest) b->classes[count++] = (Candidate){b->p[c], 0, c};
    }
    sort(b->classes, count);
    return count;
}

static bool has_child(const Beam *b, int32_t entry, int32_t label) {
    for (int32_t k = b->entries[entry].child; k >= 0; k = b->entries[k].sibling) {
        if (b->entries[k].last == label) return true;
    }
    return false;
}

/* Candidates for going on to a label of probability p, without an automaton: entries come best first, so the first that
 * cannot reach into the beam ends the row. */
static void extend_freely(Beam *b, int32_t label, double p) {
    for (int32_t i = 0; i < b->count && b->totals[i] * p > b->ranking.threshold; i++) {
        double mass = onward(&b->entries[i], b->totals[i], label) * p;
        if (mass > b->ranking.threshold && !has_child(b, i, label)) offer(&b->ranking, mass, i, label);
    }
}

static void extend_along(Beam *b, const Automaton *a, int32_t left, int32_t label, double p) {
    for (int32_t i = 0; i < b->count; i++) {
        if (b->reach[i] * p <= b->ranking.threshold) continue;
        int32_t edge = find_edge(a, b->entries[i].state, label);
        if (edge < 0 || !in_time(a, a->edge[edge].target, left)) continue;
        double mass = onward(&b->entries[i], b->totals[i], label) * a->edge[edge].factor * p;
        if (mass > b->ranking.threshold && !has_child(b, i, label)) offer(&b->ranking, mass, i, label);
    }
}

static void extend(Beam *b, int32_t left, int32_t label, double p) {
    if (b->automaton) extend_along(b, b->automaton, left, label, p);
    else extend_freely(b, label, p);
}

/* All candidates for going on. The likeliest label comes first and sets a threshold that few others can pass. */
static void extend_all(Beam *b, Step *step, int32_t classes, int32_t blank) {
    if (step->highest_label < step->least || step->highest_label == MINUS_INFINITY) return;
    int32_t likeliest = label_with(step->logs, classes, blank, step->highest_label);
    ask(b, step, likeliest);
    answer(b, step);
    extend(b, step->left, likeliest, b->p[likeliest]);
    int32_t count = rank_classes(b, step, classes, blank, likeliest);
    for (int32_t k = 0; k < count; k++) extend(b, step->left, b->classes[k].label, b->classes[k].mass);
}

/* The node of `parent` + `label`, made if there never was one. */
static int32_t node_of(Beam *b, int32_t parent, int32_t label, int32_t edge) {
    for (int32_t k = b->nodes[parent].child; k >= 0; k = b->nodes[k].sibling) {
        if (b->nodes[k].label == label) return k;
    }
    int32_t made = b->nodes_used++;
    b->nodes[made] = (Node){
        .parent = parent, .label = label, .child = -1, .sibling = b->nodes[parent].child, .slot = -1, .edge = edge};
    b->nodes[parent].child = made;
    return made;
}

/* The ranking becomes the beam. */
static void advance(Beam *b) {
    Ranking *r = &b->ranking;
    sort_ranking(r);
    for (int32_t i = 0; i < b->count; i++) b->nodes[b->entries[i].node].slot = -1;
    int lift = r->count ? LEVEL - exponent_of(r->list[0].mass) : 0;
    double factor = double_of((uint64_t)(1023 + lift) << 52); /* a power of two: exact */
    b->lifted += lift;
    for (int32_t i = 0; i < r->count; i++) {
        const Candidate *c = &r->list[i];
        const Entry *old = &b->entries[c->entry];
        Entry *new = &b->next[i];
        *new = *old;
        if (c->label < 0) {
            new->blank = b->stay_blank[c->entry] * factor;
            new->label = b->stay_label[c->entry] * factor;
        } else {
            int32_t edge = b->automaton ? find_edge(b->automaton, old->state, c->label) : -1;
            if (edge >= 0) {
                new->weight += (double)b->automaton->edge[edge].weight;
                new->state = b->automaton->edge[edge].target;
            }
            new->blank = 0.0;
            new->label = c->mass * factor;
            new->last = c->label;
            new->node = node_of(b, old->node, c->label, edge);
        }
        new->child = new->sibling = -1;
        b->totals[i] = new->blank + new->label;
        if (b->automaton) b->reach[i] = b->totals[i] * b->automaton->state[new->state].heaviest;
        b->nodes[new->node].slot = i;
    }
    Entry *spare = b->entries;
    b->entries = b->next;
    b->next = spare;
    b->count = r->count;
}

/* Runs over the steps; afterwards the ranking holds the final hypotheses, best first. */
static void search(Beam *b, const Source *s, const Steps *steps, double prune) {
    const Automaton *a = b->automaton;
    const double least = log_of(prune, 0);
    Ranking *r = &b->ranking;
    begin(b, s->classes);
    if (a && a->state[0].distance > s->steps) b->count = 0;
    for (int32_t t = 0; t < s->steps && b->count > 0; t++) {
        double highest = steps->highest[t];
        Step step = {.logs = steps->logs + (size_t)t * (size_t)s->classes,
                     .highest_label = steps->highest_label[t],
                     .least = least < highest ? least : highest, /* the most likely class always counts */
                     .shift = highest < NEAR ? highest : 0.0,
                     .t = t,
                     .left = s->steps - 1 - t};
        r->count = 0;
        r->threshold = FAINTEST;
        stay(b, &step, s->blank);
        extend_all(b, &step, s->classes, s->blank);
        advance(b);
    }
    r->count = 0;
    for (int32_t i = 0; i < b->count; i++) {
        double mass = b->totals[i];
        if (a) {
            float accept = a->accept[b->entries[i].state];
            if (accept == (float)MINUS_INFINITY) continue;
            mass *= exp_of((double)accept);
            b->entries[i].weight += (double)accept;
        }
        r->list[r->count++] = (Candidate){mass, i, -1};
    }
    sort(r->list, r->count);
}

static int32_t prefix_length(const Beam *b, int32_t node) {
    int32_t count = 0;
    for (; b->nodes[node].parent >= 0; node = b->nodes[node].parent) count++;
    return count;
}

static void write_prefix(const Beam *b, int32_t node, int32_t *labels, int32_t length) {
    for (; b->nodes[node].parent >= 0; node = b->nodes[node].parent) labels[--length] = b->nodes[node].label;
}

/* ------------------------------------------------------------------------------------------------ answers */

typedef struct {
    Py_ssize_t item;
    int32_t count;
    size_t numbers; /* where its labels stand, and after them their steps */
    double log_prob, weight;
} Answer;

/* All hypotheses of a call, grown as they come: once a hypothesis, never once a step. */
typedef struct {
    Answer *list;
    int32_t *numbers;
    size_t count, capacity, used, room;
} Answers;

/* What a call came to; an unfit value stands at step `step` of sequence `item`. */
typedef struct {
    enum { DONE, NO_MEMORY, UNFIT } kind;
    Py_ssize_t item;
    int32_t step;
} Outcome;

static bool grow(void **block, size_t *capacity, size_t wanted, size_t size) {
    if (wanted <= *capacity) return true;
    size_t enough = wanted > SIZE_MAX / 4 / size ? 0 : wanted + wanted / 2 + 16;
    void *moved = enough ? realloc(*block, enough * size) : NULL;
    if (!moved) return false;
    *block = moved;
    *capacity = enough;
    return true;
}

/* A new answer with room for `count` labels and steps, or NULL. */
static Answer *add_answer(Answers *a, Py_ssize_t item, int32_t count) {
    void *list = a->list, *numbers = a->numbers;
    bool fits = grow(&list, &a->capacity, a->count + 1, sizeof *a->list);
    a->list = list;
    fits = fits && grow(&numbers, &a->room, a->used + 2 * (size_t)count + 1, sizeof *a->numbers);
    a->numbers = numbers;
    if (!fits) return NULL;
    Answer *made = &a->list[a->count++];
    *made = (Answer){.item = item, .count = count, .numbers = a->used};
    a->used += 2 * (size_t)count;
    return made;
}

static void free_answers(Answers *a) {
    free(a->list);
    free(a->numbers);
}

/* ------------------------------------------------------------------------------------------------ batches */

/* Sequences that share everything but their place and length. */
typedef struct {
    Source source; /* of the first, at its full length */
    Py_ssize_t items;
    ptrdiff_t stride;
    const int64_t *lengths; /* NULL: all are full */
} Batch;

static Source sequence(const Batch *b, Py_ssize_t item) {
    Source s = b->source;
    s.data += item * b->stride;
    if (b->lengths) s.steps = (int32_t)b->lengths[item];
    return s;
}

/* What every function needs of a workspace. */
typedef struct {
    float *buffer;
    Steps steps;
    Table table;
    Tree tree;
    double *rows;
} Room;

/* For texts of up to `labels` labels, and up to `prefixes` prefixes of them besides the empty one. */
static void lay_out_room(Room *r, Workspace *w, const Source *s, size_t labels, size_t prefixes) {
    size_t steps = (size_t)s->steps, classes = (size_t)s->classes;
    r->buffer = cut(w, classes, sizeof *r->buffer);
    r->steps.logs = cut(w, classes, steps * sizeof *r->steps.logs);
    r->steps.highest = cut(w, steps, sizeof *r->steps.highest);
    r->steps.highest_label = cut(w, steps, sizeof *r->steps.highest_label);
    lay_out_table(&r->table, w, s->steps, s->classes);
    r->tree.list = cut(w, prefixes + 1, sizeof *r->tree.list);
    r->rows = cut(w, 2 * labels + 2, sizeof *r->rows);
}

/* The labels and starts of the most likely alignment; returns how many. The lowest of equal classes wins. */
static int32_t best_path(const Source *s, const Steps *steps, int32_t *labels, int32_t *starts) {
    int32_t count = 0, before = s->blank;
    const double *logs = steps->logs;
    for (int32_t t = 0; t < s->steps; t++, logs += s->classes) {
        int32_t best = s->blank;
        double label = steps->highest_label[t], gap = logs[s->blank];
        if (label >= gap) {
            best = label_with(logs, s->classes, s->blank, label);
            if (label == gap && s->blank < best) best = s->blank;
        }
        if (best != s->blank && best != before) {
            labels[count] = best;
            starts[count++] = t;
        }
        before = best;
    }
    return count;
}

/* log p(labels) */
static double score_text(Room *room, const Source *s, const int32_t *labels, int32_t count) {
    clear_table(&room->table, s);
    clear_tree(&room->tree);
    int32_t last = 0;
    for (int32_t i = 0; i < count; i++) last = add_prefix(&room->tree, &room->table, last, labels[i]);
    forward(&room->tree, &room->table, s, room->steps.logs);
    return score_of(&room->tree.list[last], s, room->steps.logs, labels, count, room->rows);
}

static Outcome run_greedy(const Batch *b, Answers *answers) {
    const size_t steps = (size_t)b->source.steps;
    Workspace w = {0};
    Room room;
    int32_t *labels, *starts;
    for (int pass = 0; pass < 2; pass++) {
        if (pass && !reserve(&w)) return (Outcome){.kind = NO_MEMORY};
        lay_out_room(&room, &w, &b->source, steps, steps);
        labels = cut(&w, steps, sizeof *labels);
        starts = cut(&w, steps, sizeof *starts);
    }
    Outcome outcome = {.kind = DONE};
    for (Py_ssize_t item = 0; item < b->items; item++) {
        Source s = sequence(b, item);
        int32_t unfit = load_steps(&s, room.buffer, &room.steps);
        if (unfit >= 0) {
            outcome = (Outcome){UNFIT, item, unfit};
            break;
        }
        int32_t count = best_path(&s, &room.steps, labels, starts);
        Answer *answer = add_answer(answers, item, count);
        if (!answer) {
            outcome.kind = NO_MEMORY;
            break;
        }
        memcpy(answers->numbers + answer->numbers, labels, (size_t)count * sizeof *labels);
        memcpy(answers->numbers + answer->numbers + count, starts, (size_t)count * sizeof *starts);
        answer->log_prob = score_text(&room, &s, labels, count);
    }
    free(w.block);
    return outcome;
}

/* The beam has lost alignments of the texts that it ends with, and so may have their order wrong. Cuts the ranking down
 * to the texts that may be among the best `top`: the true mass of one is at most its own and all that is missing. */
static void keep_contenders(Beam *b, int32_t top) {
    Ranking *r = &b->ranking;
    if (r->count <= top || b->lifted > 1000 || b->lifted < -1000) return;
    const double all = double_of((uint64_t)(1023 + b->lifted) << 52), weakest = r->list[top - 1].mass;
    double missing = all * (1.0 + 1e-5); /* inputs are rounded to float32 */
    for (int32_t i = 0; i < b->count; i++) missing -= b->totals[i] * exp_of(-b->entries[i].weight);
    int32_t kept = top;
    for (int32_t k = top; k < r->count; k++) {
        double most = r->list[k].mass + missing * exp_of(b->entries[r->list[k].entry].weight);
        if (!(most < weakest)) r->list[kept++] = r->list[k];
    }
    r->count = kept;
}

/* Where the node's prefix stands in the tree, into which it is put with all that it begins with. */
static int32_t plant(Beam *b, Room *room, int32_t node, int32_t *path) {
    int32_t depth = 0;
    for (; b->nodes[node].slot < 0; node = b->nodes[node].parent) path[depth++] = node;
    int32_t place = b->nodes[node].slot;
    while (depth > 0) {
        node = path[--depth];
        place = b->nodes[node].slot = add_prefix(&room->tree, &room->table, place, b->nodes[node].label);
    }
    return place;
}

/* Finds the exact scores of all that may be among the best `top`, and makes the ranking that of these scores, which
 * stand for masses in it. The nodes' slots become their places in the tree. */
static void rescore(Beam *b, const Source *s, Room *room, int32_t top, int32_t *path, double *scores) {
    Ranking *r = &b->ranking;
    keep_contenders(b, top);
    clear_table(&room->table, s);
    clear_tree(&room->tree);
    for (int32_t i = 0; i < b->count; i++) b->nodes[b->entries[i].node].slot = -1;
    b->nodes[0].slot = 0;
    for (int32_t k = 0; k < r->count; k++) plant(b, room, b->entries[r->list[k].entry].node, path);
    forward(&room->tree, &room->table, s, room->steps.logs);
    for (int32_t k = 0; k < r->count; k++) {
        int32_t entry = r->list[k].entry, node = b->entries[entry].node, count = prefix_length(b, node);
        write_prefix(b, node, path, count);
        const Prefix *last = &room->tree.list[b->nodes[node].slot];
        scores[entry] = score_of(last, s, room->steps.logs, path, count, room->rows);
        r->list[k].mass = scores[entry] + b->entries[entry].weight;
    }
    sort(r->list, r->count);
}

/* Adds the best hypotheses of a finished search, each with its alignment. */
static bool answer_search(const Beam *b, const Source *s, const Room *room, Py_ssize_t item, int32_t top,
                          const double *scores, Answers *answers, void **back, size_t *back_size) {
    const Ranking *r = &b->ranking;
    for (int32_t k = 0; k < r->count && k < top; k++) {
        const Entry *e = &b->entries[r->list[k].entry];
        int32_t count = prefix_length(b, e->node);
        Answer *made = add_answer(answers, item, count);
        size_t states = 2 * (size_t)count + 1;
        if (!made || !grow(back, back_size, (size_t)s->steps * states + states * sizeof(double), 1)) return false;
        int32_t *labels = answers->numbers + made->numbers;
        write_prefix(b, e->node, labels, count);
        made->log_prob = scores[r->list[k].entry];
        made->weight = e->weight;
        double *best = *back;
        align(s, room->steps.logs, labels, count, labels + count, (unsigned char *)(best + states), best);
    }
    return true;
}

static Outcome run_search(const Batch *b, int32_t width, int32_t top, double prune, const Automaton *automaton,
                          Answers *answers) {
    const Source *first = &b->source;
    const size_t steps = (size_t)first->steps;
    size_t nodes, most = widest((size_t)width, first->steps, first->classes, &nodes);
    if (nodes > INT32_MAX) return (Outcome){.kind = NO_MEMORY};
    Workspace w = {0};
    Room room;
    Beam beam = {.automaton = automaton};
    int32_t *path;
    double *scores;
    for (int pass = 0; pass < 2; pass++) {
        if (pass && !reserve(&w)) return (Outcome){.kind = NO_MEMORY};
        lay_out_room(&room, &w, first, steps, nodes);
        lay_out_beam(&beam, &w, most, nodes, first->classes);
        path = cut(&w, steps, sizeof *path);
        scores = cut(&w, most, sizeof *scores);
    }
    Outcome outcome = {.kind = DONE};
    void *back = NULL;
    size_t back_size = 0;
    for (Py_ssize_t item = 0; item < b->items && outcome.kind == DONE; item++) {
        Source s = sequence(b, item);
        int32_t unfit = load_steps(&s, room.buffer, &room.steps);
        if (unfit >= 0) {
            outcome = (Outcome){UNFIT, item, unfit};
            break;
        }
        search(&beam, &s, &room.steps, prune);
        rescore(&beam, &s, &room, top, path, scores);
        if (!answer_search(&beam, &s, &room, item, top, scores, answers, &back, &back_size)) outcome.kind = NO_MEMORY;
    }
    free(back);
    free(w.block);
    return outcome;
}

/* The label sequences to score: number i stands at labels[offsets[i]] up to labels[offsets[i + 1]]. */
typedef struct {
    int32_t *labels;
    size_t *offsets;
    size_t count, longest;
} Texts;

/* Writes (items, texts) scores. */
static Outcome run_score(const Batch *b, const Texts *texts, double *scores) {
    Workspace w = {0};
    Room room;
    for (int pass = 0; pass < 2; pass++) {
        if (pass && !reserve(&w)) return (Outcome){.kind = NO_MEMORY};
        lay_out_room(&room, &w, &b->source, texts->longest, texts->longest);
    }
    Outcome outcome = {.kind = DONE};
    for (Py_ssize_t item = 0; item < b->items; item++) {
        Source s = sequence(b, item);
        int32_t unfit = load_steps(&s, room.buffer, &room.steps);
        if (unfit >= 0) {
            outcome = (Outcome){UNFIT, item, unfit};
            break;
        }
        for (size_t i = 0; i < texts->count; i++) {
            size_t count = texts->offsets[i + 1] - texts->offsets[i];
            const int32_t *labels = texts->labels + texts->offsets[i];
            *scores++ = count > (size_t)s.steps ? MINUS_INFINITY : score_text(&room, &s, labels, (int32_t)count);
        }
    }
    free(w.block);
    return outcome;
}

/* ================================================================================================ the border */

/* More is never needed, and would take as many gigabytes as there are steps. */
#define WIDEST_BEAM 65536
#define CAPSULE "edge_ocr.ctc._kernel.Automaton"

/* The arguments that every function shares, checked; release with close_input. */
typedef struct {
    Py_buffer values, lengths;
    bool batched;
    Batch batch;
    double powers[256];
} Input;

static void close_input(Input *in) {
    PyBuffer_Release(&in->values);
    PyBuffer_Release(&in->lengths);
}

/* A buffer's element type as the struct module writes it, without the mark of the native byte order. */
static char element_of(const Py_buffer *view) {
    const char *format = view->format ? view->format : "B";
    if (*format == '@' || *format == '=' || *format == '<') format++; /* built for little-endian machines alone */
    return format[1] == '\0' ? format[0] : '?';
}

static bool open_values(Input *in, PyObject *values, double unit) {
    const char *wanted = unit > 0.0 ? "log_probs.values must be an int8 array" : "log_probs must be a float32 array";
    if (PyObject_GetBuffer(values, &in->values, PyBUF_STRIDES | PyBUF_FORMAT) < 0) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "%s of shape (T, C) or (N, T, C), not %R", wanted, (PyObject *)Py_TYPE(values));
        return false;
    }
    const Py_buffer *v = &in->values;
    if (element_of(v) != (unit > 0.0 ? 'b' : 'f')) {
        PyErr_Format(PyExc_TypeError, "%s, not one of format '%s'", wanted, v->format ? v->format : "B");
        return false;
    }
    if (v->ndim != 2 && v->ndim != 3) {
        PyErr_Format(PyExc_ValueError, "log_probs must have the shape (T, C) or (N, T, C), not %d dimensions", v->ndim);
        return false;
    }
    in->batched = v->ndim == 3;
    const Py_ssize_t *shape = v->shape + in->batched, *strides = v->strides + in->batched;
    if (shape[1] < 1) {
        PyErr_SetString(PyExc_ValueError, "log_probs must have at least one class, the blank");
        return false;
    }
    if (shape[0] > INT32_MAX / 4 || shape[1] > INT32_MAX / 4) {
        PyErr_SetString(PyExc_ValueError, "log_probs has too many steps or classes");
        return false;
    }
    in->batch = (Batch){.items = in->batched ? v->shape[0] : 1, .stride = in->batched ? v->strides[0] : 0};
    in->batch.source = (Source){.data = v->buf,
                                .step = strides[0],
                                .stride = strides[1],
                                .steps = (int32_t)shape[0],
                                .classes = (int32_t)shape[1],
                                .unit = unit,
                                .powers = in->powers};
    if (unit > 0.0) {
        for (int k = 0; k < 256; k++) in->powers[k] = exp_of(-unit * k);
    }
    return true;
}

static bool open_lengths(Input *in, PyObject *lengths) {
    if (lengths == Py_None) return true;
    if (!in->batched) {
        PyErr_SetString(PyExc_ValueError, "lengths belongs to a batch (N, T, C); else pass log_probs[:length]");
        return false;
    }
    if (PyObject_GetBuffer(lengths, &in->lengths, PyBUF_STRIDES | PyBUF_FORMAT) < 0) return false;
    const Py_buffer *v = &in->lengths;
    if (v->ndim != 1 || v->itemsize != 8 || v->strides[0] != 8 || v->shape[0] != in->batch.items) {
        PyErr_Format(PyExc_ValueError, "lengths must hold one integer for each of the %zd sequences", in->batch.items);
        return false;
    }
    const int64_t *list = v->buf;
    for (Py_ssize_t i = 0; i < in->batch.items; i++) {
        if (list[i] >= 0 && list[i] <= in->batch.source.steps) continue;
        PyErr_Format(PyExc_ValueError, "lengths[%zd] must lie in 0..%d, not %lld", i, (int)in->batch.source.steps,
                     (long long)list[i]);
        return false;
    }
    in->batch.lengths = list;
    return true;
}

static bool integer_argument(PyObject *given, const char *name, Py_ssize_t low, Py_ssize_t high, Py_ssize_t *value) {
    if (!PyIndex_Check(given)) {
        PyErr_Format(PyExc_TypeError, "%s must be an integer, not %R", name, given);
        return false;
    }
    *value = PyNumber_AsSsize_t(given, NULL); /* beyond its range: clipped, and refused here */
    if (*value == -1 && PyErr_Occurred()) return false;
    if (*value >= low && *value <= high) return true;
    PyErr_Format(PyExc_ValueError, "%s must lie in %zd..%zd, not %S", name, low, high, given);
    return false;
}

static bool real_argument(PyObject *given, const char *name, double *value) {
    *value = PyFloat_AsDouble(given);
    if (*value != -1.0 || !PyErr_Occurred()) return true;
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "%s must be a real number, not %R", name, given);
    return false;
}

/* The border's own half in Python passes them by place; whoever calls it otherwise hears of it. */
static bool has_arguments(Py_ssize_t count, Py_ssize_t wanted) {
    if (count == wanted) return true;
    PyErr_Format(PyExc_TypeError, "%zd arguments wanted, %zd given", wanted, count);
    return false;
}

static bool open_input(Input *in, PyObject *values, double unit, PyObject *lengths, PyObject *blank) {
    memset(in, 0, offsetof(Input, powers));
    Py_ssize_t number;
    if (!open_values(in, values, unit) || !open_lengths(in, lengths) ||
        !integer_argument(blank, "blank", 0, in->batch.source.classes - 1, &number))
        return false;
    in->batch.source.blank = (int32_t)number;
    return true;
}

static PyObject *raise(Outcome o) {
    if (o.kind == NO_MEMORY) return PyErr_NoMemory();
    PyErr_Format(PyExc_ValueError,
                 "log_probs holds NaN or a value above 0 at step %d of sequence %zd; pass natural logarithms of "
                 "probabilities (log_softmax of the logits)",
                 (int)o.step, o.item);
    return NULL;
}

static PyObject *tuple_of(const int32_t *numbers, int32_t count) {
    PyObject *tuple = PyTuple_New(count);
    for (int32_t i = 0; tuple && i < count; i++) {
        PyObject *number = PyLong_FromLong(numbers[i]);
        if (!number || PyTuple_SetItem(tuple, i, number) < 0) {
            Py_DECREF(tuple);
            return NULL;
        }
    }
    return tuple;
}

/* What a Hypothesis is made from: its class, that one's allocator, and its slots in the order of hypothesis_of, each
 * with the function that sets it; all borrowed. */
typedef struct {
    PyTypeObject *kind;
    allocfunc allocate;
    PyObject *slots[4];
    descrsetfunc set[4];
} Mould;

/* From (class, its slot descriptors for labels, log_prob, weight and steps). */
static bool open_mould(Mould *m, PyObject *parts) {
    PyObject *kind = PyTuple_GetItem(parts, 0);
    if (!kind) return false;
    if (!PyType_Check(kind)) {
        PyErr_SetString(PyExc_TypeError, "the mould must begin with a class");
        return false;
    }
    m->kind = (PyTypeObject *)kind;
    m->allocate = (allocfunc)PyType_GetSlot(m->kind, Py_tp_alloc);
    for (int i = 0; i < 4; i++) {
        m->slots[i] = PyTuple_GetItem(parts, i + 1);
        if (!m->slots[i]) return false;
        m->set[i] = (descrsetfunc)PyType_GetSlot(Py_TYPE(m->slots[i]), Py_tp_descr_set);
        if (!m->set[i]) {
            PyErr_SetString(PyExc_TypeError, "the mould must hold descriptors of slots");
            return false;
        }
    }
    return true;
}

/* Sets slot number i, and takes the reference to what it is set to. */
static bool fill(const Mould *m, PyObject *made, int i, PyObject *value) {
    bool set = value && m->set[i](m->slots[i], made, value) == 0;
    Py_XDECREF(value);
    return set;
}

/* Fills the slots itself: the __init__ of a frozen dataclass takes as long as decoding a plate. */
static PyObject *hypothesis_of(const Mould *m, const Answers *a, const Answer *answer) {
    const int32_t *numbers = a->numbers + answer->numbers;
    PyObject *made = m->allocate(m->kind, 0);
    if (made && fill(m, made, 0, tuple_of(numbers, answer->count)) &&
        fill(m, made, 1, PyFloat_FromDouble(answer->log_prob)) &&
        fill(m, made, 2, PyFloat_FromDouble(answer->weight)) &&
        fill(m, made, 3, tuple_of(numbers + answer->count, answer->count)))
        return made;
    Py_XDECREF(made);
    return NULL;
}

/* The hypotheses of one sequence; takes the answers that `*next` points at and after. */
static PyObject *list_of(const Mould *m, const Answers *a, Py_ssize_t item, size_t *next) {
    PyObject *list = PyList_New(0);
    for (; list && *next < a->count && a->list[*next].item == item; ++*next) {
        PyObject *made = hypothesis_of(m, a, &a->list[*next]);
        if (!made || PyList_Append(list, made) < 0) Py_CLEAR(list);
        Py_XDECREF(made);
    }
    return list;
}

/* One answer a sequence if `single`, else a list of them; of a batch, the list of all that. */
static PyObject *result_of(const Input *in, const Mould *m, const Answers *a, bool single) {
    size_t next = 0;
    PyObject *result;
    if (in->batched) result = PyList_New(0);
    else result = single ? hypothesis_of(m, a, a->list) : list_of(m, a, 0, &next);
    for (Py_ssize_t item = 0; in->batched && result && item < in->batch.items; item++) {
        PyObject *made = single ? hypothesis_of(m, a, &a->list[item]) : list_of(m, a, item, &next);
        if (!made || PyList_Append(result, made) < 0) Py_CLEAR(result);
        Py_XDECREF(made);
    }
    return result;
}

/* greedy(mould, values, unit, lengths, blank) */
static PyObject *greedy(PyObject *Py_UNUSED(module), PyObject *const *given, Py_ssize_t count) {
    PyObject *result = NULL;
    double unit;
    if (!has_arguments(count, 5) || !real_argument(given[2], "unit", &unit)) return NULL;
    Input in;
    Mould mould;
    Answers answers = {0};
    if (open_input(&in, given[1], unit, given[3], given[4]) && open_mould(&mould, given[0])) {
        Outcome outcome;
        Py_BEGIN_ALLOW_THREADS
        outcome = run_greedy(&in.batch, &answers);
        Py_END_ALLOW_THREADS
        result = outcome.kind == DONE ? result_of(&in, &mould, &answers, true) : raise(outcome);
    }
    free_answers(&answers);
    close_input(&in);
    return result;
}

typedef struct {
    Py_ssize_t width, top;
    double prune;
    const Automaton *automaton;
} Wish;

static bool open_wish(Wish *w, PyObject *width, PyObject *top, PyObject *prune, PyObject *capsule, const Source *s) {
    if (!integer_argument(width, "beam_width", 1, WIDEST_BEAM, &w->width) ||
        !integer_argument(top, "top", 1, w->width, &w->top) || !real_argument(prune, "prune", &w->prune))
        return false;
    if (!(w->prune >= 0.0 && w->prune < 1.0)) {
        PyErr_Format(PyExc_ValueError, "prune must be a probability, 0 <= prune < 1, not %S", prune);
        return false;
    }
    w->automaton = capsule == Py_None ? NULL : PyCapsule_GetPointer(capsule, CAPSULE);
    if (w->automaton && w->automaton->highest >= s->classes) {
        PyErr_Format(PyExc_ValueError, "automaton.labels must be classes of log_probs, 0..%d, not %d",
                     (int)s->classes - 1, (int)w->automaton->highest);
        return false;
    }
    return w->automaton || capsule == Py_None;
}

/* beam_search(mould, values, unit, lengths, blank, beam_width, top, prune, compiled automaton or None) */
static PyObject *beam_search(PyObject *Py_UNUSED(module), PyObject *const *given, Py_ssize_t count) {
    PyObject *result = NULL;
    double unit;
    if (!has_arguments(count, 9) || !real_argument(given[2], "unit", &unit)) return NULL;
    Input in;
    Wish wish;
    Mould mould;
    Answers answers = {0};
    if (open_input(&in, given[1], unit, given[3], given[4]) &&
        open_wish(&wish, given[5], given[6], given[7], given[8], &in.batch.source) && open_mould(&mould, given[0])) {
        Outcome outcome;
        Py_BEGIN_ALLOW_THREADS
        outcome = run_search(&in.batch, (int32_t)wish.width, (int32_t)wish.top, wish.prune, wish.automaton, &answers);
        Py_END_ALLOW_THREADS
        result = outcome.kind == DONE ? result_of(&in, &mould, &answers, false) : raise(outcome);
    }
    free_answers(&answers);
    close_input(&in);
    return result;
}

static void free_texts(Texts *t) {
    free(t->labels);
    free(t->offsets);
}

/* Appends one label sequence, `used` labels being there already. */
static bool add_text(Texts *t, PyObject *sequence, size_t *used, size_t *room, const Source *s) {
    Py_ssize_t count = PySequence_Size(sequence);
    if (count < 0) return false;
    void *labels = t->labels;
    bool grown = grow(&labels, room, *used + (size_t)count + 1, sizeof *t->labels);
    t->labels = labels;
    if (!grown || count > INT32_MAX / 4) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PySequence_GetItem(sequence, i);
        if (!item) return false;
        if (!PyIndex_Check(item)) {
            PyErr_Format(PyExc_TypeError, "labels must be integers, not %R", item);
            Py_DECREF(item);
            return false;
        }
        Py_ssize_t label = PyNumber_AsSsize_t(item, NULL); /* beyond its range: clipped, and refused below */
        Py_DECREF(item);
        if (label == -1 && PyErr_Occurred()) return false;
        if (label < 0 || label >= s->classes || label == s->blank) {
            PyErr_Format(PyExc_ValueError, "labels must be classes, 0..%d, other than the blank %d, not %zd",
                         (int)s->classes - 1, (int)s->blank, label);
            return false;
        }
        t->labels[(*used)++] = (int32_t)label;
    }
    t->longest = (size_t)count > t->longest ? (size_t)count : t->longest;
    t->offsets[++t->count] = *used;
    return true;
}

static bool open_texts(Texts *t, PyObject *list, const Source *s) {
    Py_ssize_t count = PySequence_Size(list);
    if (count < 0) return false;
    size_t used = 0, room = 0;
    t->offsets = calloc((size_t)count + 1, sizeof *t->offsets);
    if (!t->offsets) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *sequence = PySequence_GetItem(list, i);
        bool added = sequence && add_text(t, sequence, &used, &room, s);
        Py_XDECREF(sequence);
        if (!added) return false;
    }
    return true;
}

/* score(values, unit, lengths, blank, label sequences) -> whether it is a batch, and the float64 scores as bytes */
static PyObject *score(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *values, *lengths, *blank, *list, *result = NULL;
    double unit, *scores = NULL;
    if (!PyArg_ParseTuple(arguments, "OdOOO", &values, &unit, &lengths, &blank, &list)) return NULL;
    Input in;
    Texts texts = {0};
    if (open_input(&in, values, unit, lengths, blank) && open_texts(&texts, list, &in.batch.source)) {
        size_t count;
        bool overflow = __builtin_mul_overflow((size_t)in.batch.items, texts.count, &count);
        scores = overflow || count > PTRDIFF_MAX / sizeof *scores ? NULL : malloc(count * sizeof *scores + 1);
        Outcome outcome = {.kind = NO_MEMORY};
        if (scores) {
            Py_BEGIN_ALLOW_THREADS
            outcome = run_score(&in.batch, &texts, scores);
            Py_END_ALLOW_THREADS
        }
        if (outcome.kind != DONE) raise(outcome);
        else result = Py_BuildValue("(iy#)", (int)in.batched, (char *)scores, (Py_ssize_t)(count * sizeof *scores));
    }
    free(scores);
    free_texts(&texts);
    close_input(&in);
    return result;
}

/* One array of an automaton: C-contiguous, one-dimensional, of four-byte elements of that type. */
static bool open_array(Py_buffer *view, PyObject *array, const char *name, char element) {
    if (PyObject_GetBuffer(array, view, PyBUF_STRIDES | PyBUF_FORMAT) < 0) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "automaton.%s must be an array, not %R", name, (PyObject *)Py_TYPE(array));
        return false;
    }
    char found = element_of(view);
    if (view->itemsize != 4 || (found != element && !(element == 'i' && found == 'l'))) {
        PyErr_Format(PyExc_TypeError, "automaton.%s must be %s, not of format '%s'", name,
                     element == 'f' ? "float32" : "int32", view->format ? view->format : "B");
        return false;
    }
    if (view->ndim != 1 || (view->shape[0] > 1 && view->strides[0] != 4)) {
        PyErr_Format(PyExc_ValueError, "automaton.%s must be one-dimensional and contiguous", name);
        return false;
    }
    if (view->shape[0] > INT32_MAX / 4) {
        PyErr_Format(PyExc_ValueError, "automaton.%s is too long", name);
        return false;
    }
    return true;
}

static void drop_automaton(PyObject *capsule) { free(PyCapsule_GetPointer(capsule, CAPSULE)); }

/* compile_automaton(offsets, labels, targets, weights, accept, blank) */
static PyObject *compile_automaton(PyObject *Py_UNUSED(module), PyObject *arguments) {
    static const char *const names[] = {"offsets", "labels", "targets", "weights", "accept"};
    PyObject *arrays[5];
    Py_ssize_t blank;
    if (!PyArg_ParseTuple(arguments, "OOOOOn", &arrays[0], &arrays[1], &arrays[2], &arrays[3], &arrays[4], &blank))
        return NULL;
    Py_buffer views[5];
    memset(views, 0, sizeof views);
    PyObject *capsule = NULL;
    bool opened = true;
    for (int i = 0; opened && i < 5; i++) opened = open_array(&views[i], arrays[i], names[i], i < 3 ? 'i' : 'f');
    if (opened) {
        if (views[4].shape[0] < 1) {
            PyErr_SetString(PyExc_ValueError, "automaton.accept must have at least one state");
        } else if (views[0].shape[0] != views[4].shape[0] + 1) {
            PyErr_SetString(PyExc_ValueError, "automaton.offsets must have one element more than automaton.accept");
        } else if (views[2].shape[0] != views[1].shape[0] || views[3].shape[0] != views[1].shape[0]) {
            PyErr_SetString(PyExc_ValueError, "automaton.labels, targets and weights must be equally long");
        } else {
            const char *fault;
            Arrays from = {(int32_t)views[4].shape[0], (int32_t)views[1].shape[0], views[0].buf, views[1].buf,
                           views[2].buf, views[3].buf, views[4].buf};
            Automaton *made = make_automaton(&from, blank, &fault);
            if (fault) PyErr_SetString(PyExc_ValueError, fault);
            else if (!made) PyErr_NoMemory();
            else if (!(capsule = PyCapsule_New(made, CAPSULE, drop_automaton))) free(made);
        }
    }
    for (int i = 0; i < 5; i++) PyBuffer_Release(&views[i]);
    return capsule;
}

static PyMethodDef functions[] = {
    {"greedy", (PyCFunction)(void (*)(void))greedy, METH_FASTCALL, NULL},
    {"beam_search", (PyCFunction)(void (*)(void))beam_search, METH_FASTCALL, NULL},
    {"score", score, METH_VARARGS, NULL},
    {"compile_automaton", compile_automaton, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef kernel = {
    PyModuleDef_HEAD_INIT, .m_name = "edge_ocr.ctc._kernel", .m_size = 0, .m_methods = functions,
};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&kernel); }
