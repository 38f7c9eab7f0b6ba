/* The scan in plain C with OpenMP, 16 states, channels a multiple of 16: what a compiled extension
 * would reach on this machine, and the floor of the recurrence itself. Channel-last, contiguous,
 * float32; A is (channels, 16) and packed here, as our kernels do within their calls. A vector is
 * one register: 16 channels with AVX-512, else 8.
 *
 *     gcc -O3 -march=native -ffp-contract=fast -fopenmp -shared -fPIC scan_yardstick.c
 */
#include <stdlib.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
enum { W = 16 };
#else
enum { W = 8 };
#endif

enum { N = 16, NW = N * W };
typedef float vec __attribute__((vector_size(4 * W)));
typedef float loose __attribute__((vector_size(4 * W), aligned(4)));
typedef int ivec __attribute__((vector_size(4 * W)));
#define INLINE static inline __attribute__((always_inline))

INLINE vec load(const float *p) { return *(const loose *)p; }
INLINE void store(float *p, vec x) { *(loose *)p = x; }
INLINE vec fill(float x) { return x - (vec){0}; }

INLINE vec series(vec r)
{
    vec p = r * 0.001326472731307149f + 0.009671512991189957f;
    p = p * r + 0.05550733581185341f;
    p = p * r + 0.24022242426872253f;
    p = p * r + 0.6931470036506653f;
    return p * r + 1.0f;
}

INLINE vec exp2_(vec x)
{
#ifdef __AVX512F__
    vec n = (vec)_mm512_roundscale_ps((__m512)x, 8);
    return (vec)_mm512_scalef_ps((__m512)series(x - n), (__m512)n);
#else
    x = (vec)((x > -126.0f) & (ivec)x) + (vec)((x <= -126.0f) & (ivec)fill(-126.0f));
    vec shifted = x + 12583039.0f, n = shifted - 12583039.0f;
    return series(x - n) * (vec)((ivec)shifted << 23);
#endif
}

INLINE vec choose(ivec where, vec x, vec y) { return (vec)((where & (ivec)x) | (~where & (ivec)y)); }

/* softplus, and its slope where one is asked for */
INLINE vec softplus(vec x, vec *slope)
{
    ivec positive = x >= 0.0f;
    vec e = exp2_(choose(positive, -x, x) * 1.4426950408889634f), s = e / (e + 2.0f), z = s * s;
    vec p = z * 0.2802463173866272f + 0.279991090297699f;
    p = (p * z + 0.4002169966697693f) * z + 0.6666641235351562f;
    if (slope)
        *slope = choose(positive, fill(1.0f), e) / (e + 1.0f);
    return s * (p * z + 2.0f) + choose(positive, x, fill(0.0f));
}

/* A log2(e) of 16 channels: [channel][state] -> [state][channel] */
INLINE void pack(const float *A, float *decay)
{
    for (int n = 0; n < N; n++)
        for (int i = 0; i < W; i++)
            decay[n * W + i] = A[i * N + n] * 1.4426950408889634f;
}

INLINE void forward_block(const float *u, const float *delta, const float *A, const float *B,
                          const float *C, vec skip, vec bias, float *y, float *kept, int L, int d,
                          int T)
{
    vec h[N], rows[64][3];
    float decay[NW] __attribute__((aligned(64)));
    pack(A, decay);
    memset(h, 0, sizeof h);
    for (int start = 0; start < L; start += T) {
        int count = L - start < T ? L - start : T;
        if (kept) {
            memcpy(kept, h, sizeof h);
            kept += NW;
        }
        for (int t = 0; t < count; t++) {
            size_t at = (size_t)(start + t) * d;
            vec value = load(u + at);
            rows[t][0] = softplus(load(delta + at) + bias, 0);
            rows[t][1] = rows[t][0] * value;
            rows[t][2] = value * skip;
        }
        for (int t = 0; t < count; t++) {
            const float *b = B + (size_t)(start + t) * N, *c = C + (size_t)(start + t) * N;
            vec step = rows[t][0], x = rows[t][1], sum[2] = {rows[t][2], fill(0.0f)};
#pragma GCC unroll 16
            for (int n = 0; n < N; n++) {
                h[n] = exp2_(step * load(decay + n * W)) * h[n] + x * b[n];
                sum[n & 1] += h[n] * c[n];
            }
            store(y + (size_t)(start + t) * d, sum[0] + sum[1]);
        }
    }
}

void forward(const float *u, const float *delta, const float *A, const float *B, const float *C,
             const float *D, const float *bias, float *y, float *kept, int batch, int L, int d, int T,
             int threads)
{
    int K = d / W, chunks = (L + T - 1) / T;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
    for (int task = 0; task < batch * K; task++) {
        int b = task / K, k = task % K;
        size_t x = (size_t)b * L * d + k * W, bc = (size_t)b * L * N;
        forward_block(u + x, delta + x, A + (size_t)k * NW, B + bc, C + bc, load(D + k * W),
                      load(bias + k * W), y + x, kept ? kept + (size_t)task * chunks * NW : 0, L, d,
                      T);
    }
}

/* lane i of the result: the sum over the lanes of v[i]; W vectors */
INLINE vec lane_sums(const vec *v)
{
#ifdef __AVX512F__
    enum { LEVELS = 4 };
    const ivec low[4] = {{0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30},
                         {0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29},
                         {0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27},
                         {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23}};
#else
    enum { LEVELS = 3 };
    const ivec low[3] = {
        {0, 8, 2, 10, 4, 12, 6, 14}, {0, 1, 8, 9, 4, 5, 12, 13}, {0, 1, 2, 3, 8, 9, 10, 11}};
#endif
    vec s[W];
    memcpy(s, v, sizeof s);
#pragma GCC unroll 4
    for (int level = 0; level < LEVELS; level++)
#pragma GCC unroll 8
        for (int i = 0; i < W / 2 >> level; i++) {
            vec x = s[2 * i], y = s[2 * i + 1];
            s[i] = __builtin_shuffle(x, y, low[level]) +
                   __builtin_shuffle(x, y, low[level] + (1 << level));
        }
    return s[0];
}

typedef struct {
    vec h[65][N], a[64][N], row[64][5];
    vec for_b[64][N], for_c[64][N];
} tape;

INLINE void reverse_chunk(tape *w, const float *decay, const float *b0, const float *c0, vec skip,
                          int count, vec *carry, vec *grad_a, vec *sums, float *grad_u,
                          float *grad_delta, int d)
{
    for (int t = count - 1; t >= 0; t--) {
        const float *b = b0 + t * N, *c = c0 + t * N;
        vec step = w->row[t][0], x = w->row[t][1], value = w->row[t][2], gy = w->row[t][4];
        vec sum_b = fill(0.0f), sum_a = fill(0.0f);
#pragma GCC unroll 4
        for (int n = 0; n < N; n++) {
            vec g = gy * c[n] + carry[n];
            w->for_c[t][n] += gy * w->h[t + 1][n];
            w->for_b[t][n] += g * x;
            sum_b += g * b[n];
            carry[n] = g * w->a[t][n];
            vec gah = carry[n] * w->h[t][n];
            grad_a[n] += gah * step;
            sum_a += gah * load(decay + n * W);
        }
        vec out = (sum_b * value + sum_a * 0.6931471805599453f) * w->row[t][3];
        store(grad_u + (size_t)t * d, sum_b * step + gy * skip);
        store(grad_delta + (size_t)t * d, out);
        sums[0] += gy * value;
        sums[1] += out;
    }
}

INLINE void replay_chunk(tape *w, const float *u, const float *delta, const float *gy,
                         const float *decay, const float *b0, vec bias, const float *kept,
                         int count, int d)
{
    memcpy(w->h[0], kept, sizeof w->h[0]);
    for (int t = 0; t < count; t++) {
        size_t at = (size_t)t * d;
        vec value = load(u + at), step = softplus(load(delta + at) + bias, &w->row[t][3]);
        w->row[t][0] = step;
        w->row[t][1] = step * value;
        w->row[t][2] = value;
        w->row[t][4] = load(gy + at);
#pragma GCC unroll 16
        for (int n = 0; n < N; n++) {
            w->a[t][n] = exp2_(step * load(decay + n * W));
            w->h[t + 1][n] = w->a[t][n] * w->h[t][n] + w->row[t][1] * b0[t * N + n];
        }
    }
}

enum { OWN = 3 * N + 2 }; /* vectors of a block: carry, gradient of A, two sums, decay */

void backward(const float *u, const float *delta, const float *A, const float *B,
              const float *C, const float *D, const float *bias, const float *gy, const float *kept,
              float *grad_u, float *grad_delta, float *grad_A, float *grad_B, float *grad_C,
              float *grad_D, float *grad_bias, int batch, int slots, int L, int d, int T,
              int threads)
{
    int K = d / W, chunks = (L + T - 1) / T;
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
    for (int task = 0; task < batch * slots; task++) {
        int b = task / slots, slot = task % slots;
        int k0 = slot * K / slots, k1 = (slot + 1) * K / slots;
        tape *w = aligned_alloc(64, sizeof *w);
        vec *own = aligned_alloc(64, sizeof(vec) * (k1 - k0) * OWN);
        memset(own, 0, sizeof(vec) * (k1 - k0) * OWN);
        for (int k = k0; k < k1; k++)
            pack(A + (size_t)k * NW, (float *)(own + (k - k0) * OWN + 2 * N + 2));
        for (int chunk = chunks - 1; chunk >= 0; chunk--) {
            int start = chunk * T, count = L - start < T ? L - start : T;
            size_t bc = ((size_t)b * L + start) * N, out = ((size_t)task * L + start) * N;
            memset(w->for_b, 0, sizeof w->for_b);
            memset(w->for_c, 0, sizeof w->for_c);
            for (int k = k0; k < k1; k++) {
                size_t x = ((size_t)b * L + start) * d + k * W;
                vec *mine = own + (k - k0) * OWN;
                const float *a = (const float *)(mine + 2 * N + 2);
                replay_chunk(w, u + x, delta + x, gy + x, a, B + bc, load(bias + k * W),
                             kept + (((size_t)b * K + k) * chunks + chunk) * NW, count, d);
                reverse_chunk(w, a, B + bc, C + bc, load(D + k * W), count, mine, mine + N,
                              mine + 2 * N, grad_u + x, grad_delta + x, d);
            }
            for (int t = 0; t < count; t++)
                for (int n = 0; n < N; n += W) {
                    store(grad_B + out + t * N + n, lane_sums(w->for_b[t] + n));
                    store(grad_C + out + t * N + n, lane_sums(w->for_c[t] + n));
                }
        }
        for (int k = k0; k < k1; k++) {
            vec *mine = own + (k - k0) * OWN;
            memcpy(grad_A + ((size_t)b * K + k) * NW, mine + N, sizeof(vec) * N);
            memcpy(grad_D + (size_t)b * d + k * W, mine + 2 * N, sizeof(vec));
            memcpy(grad_bias + (size_t)b * d + k * W, mine + 2 * N + 1, sizeof(vec));
        }
        free(own);
        free(w);
    }
}

/* One step of 16 channels x 16 states again and again, everything in the first cache. */
void floor_steps(const float *x, float *y, int steps)
{
    vec h[N];
    memset(h, 0, sizeof h);
    for (int t = 0; t < steps * (16 / W); t++) {
        vec step = load(x), value = load(x + W), sum[2] = {fill(0.0f), fill(0.0f)};
#pragma GCC unroll 16
        for (int n = 0; n < N; n++) {
            h[n] = exp2_(step * load(x + (2 + n) * W)) * h[n] + value * x[n];
            sum[n & 1] += h[n] * x[W + n];
        }
        store(y, sum[0] + sum[1]);
        __asm__ volatile("" ::: "memory");
    }
}
