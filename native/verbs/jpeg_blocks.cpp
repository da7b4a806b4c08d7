// What JPEG loses: blocks of 8x8 through libjpeg's accurate integer transform, the quantizers and
// the transform back. A strip of blocks goes side by side, one block a lane.
#include "variegate/jpeg.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "variegate/lanes.hpp"
#include "variegate/rounding.hpp"

namespace variegate::inline VARIEGATE_TARGET {
namespace {

// Numbers with 13 bits behind the point; between the passes values have two bits more.
constexpr int fraction = 13, between = 2;
constexpr int32_t c0298 = 2446, c0390 = 3196, c0541 = 4433, c0765 = 6270, c0899 = 7373;
constexpr int32_t c1175 = 9633, c1501 = 12299, c1847 = 15137, c1961 = 16069, c2053 = 16819;
constexpr int32_t c2562 = 20995, c3072 = 25172;

struct Eight {
    int32_t a, b, c, d, e, f, g, h;
};

template <int Bits> int32_t rounded_off(int32_t value) {
    return (value + (1 << (Bits - 1))) >> Bits;
}

// The four odd numbers of both transforms, from sums and products of four others.
struct Odd {
    int32_t first, second, third, fourth;
};

Odd turned(int32_t p, int32_t q, int32_t r, int32_t s) {
    const int32_t z5 = (p + r + q + s) * c1175;
    const int32_t z1 = (p + s) * -c0899, z2 = (q + r) * -c2562;
    const int32_t z3 = (p + r) * -c1961 + z5, z4 = (q + s) * -c0390 + z5;
    return {p * c0298 + z1 + z3, q * c2053 + z2 + z4, r * c3072 + z2 + z3, s * c1501 + z1 + z4};
}

// Along rows first: jpeg_fdct_islow.
template <bool Rows> Eight forward(Eight v) {
    constexpr int bits = Rows ? fraction - between : fraction + between;
    const int32_t s0 = v.a + v.h, s1 = v.b + v.g, s2 = v.c + v.f, s3 = v.d + v.e;
    const Odd odd = turned(v.d - v.e, v.c - v.f, v.b - v.g, v.a - v.h);
    const int32_t sum = s0 + s3, apart = s0 - s3, inner = s1 + s2, within = s1 - s2;
    const int32_t z1 = (within + apart) * c0541;
    const auto even = [](int32_t value) {
        return Rows ? value * (1 << between) : rounded_off<between>(value);
    };
    return {even(sum + inner),
            rounded_off<bits>(odd.fourth),
            rounded_off<bits>(z1 + apart * c0765),
            rounded_off<bits>(odd.third),
            even(sum - inner),
            rounded_off<bits>(odd.second),
            rounded_off<bits>(z1 - within * c1847),
            rounded_off<bits>(odd.first)};
}

// Along columns first: jpeg_idct_islow.
template <bool Rows> Eight backward(Eight v) {
    constexpr int bits = Rows ? fraction + between + 3 : fraction - between;
    const int32_t z1 = (v.c + v.g) * c0541;
    const int32_t low = z1 - v.g * c1847, high = z1 + v.c * c0765;
    const int32_t sum = (v.a + v.e) * (1 << fraction), apart = (v.a - v.e) * (1 << fraction);
    const int32_t e0 = sum + high, e3 = sum - high, e1 = apart + low, e2 = apart - low;
    const Odd odd = turned(v.h, v.f, v.d, v.b);
    return {rounded_off<bits>(e0 + odd.fourth), rounded_off<bits>(e1 + odd.third),
            rounded_off<bits>(e2 + odd.second), rounded_off<bits>(e3 + odd.first),
            rounded_off<bits>(e3 - odd.first),  rounded_off<bits>(e2 - odd.second),
            rounded_off<bits>(e1 - odd.third),  rounded_off<bits>(e0 - odd.fourth)};
}

struct Quantizer {
    int32_t step;
    float share; // of a coefficient, which is eight times as large, in a step
};

// To the nearest multiple, halves away from zero. The half behind the sum keeps quotients of whole
// numbers away from whole numbers.
int32_t quantized(int32_t value, Quantizer quantizer) {
    const int32_t size = value < 0 ? -value : value;
    const auto steps = static_cast<int32_t>((static_cast<float>(size + 4 * quantizer.step) + 0.5f) *
                                            quantizer.share);
    return (value < 0 ? -steps : steps) * quantizer.step;
}

int32_t level(int32_t value) { return clip(value + 128, 0, 255); }

// Rows of eight bytes of eight blocks, turned: byte c of block b goes to place b of row c.
#if defined(VARIEGATE_LANES)
void turn(const uint8_t* const* from, uint8_t* const* to) {
    __m128i in[4], mid[4], out[4];
    const auto eight = [](const uint8_t* at) {
        return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(at));
    };
    for (int k = 0; k < 4; ++k) in[k] = _mm_unpacklo_epi8(eight(from[k]), eight(from[k + 4]));
    for (int k = 0; k < 2; ++k) {
        mid[k] = _mm_unpacklo_epi8(in[k], in[k + 2]);
        mid[k + 2] = _mm_unpackhi_epi8(in[k], in[k + 2]);
    }
    for (int k = 0; k < 2; ++k) {
        out[2 * k] = _mm_unpacklo_epi8(mid[2 * k], mid[2 * k + 1]);
        out[2 * k + 1] = _mm_unpackhi_epi8(mid[2 * k], mid[2 * k + 1]);
    }
    for (int k = 0; k < 4; ++k) {
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to[2 * k]), out[k]);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to[2 * k + 1]), _mm_srli_si128(out[k], 8));
    }
}
#else
void turn(const uint8_t* const* from, uint8_t* const* to) {
    for (int c = 0; c < 8; ++c)
        for (int b = 0; b < 8; ++b) to[c][b] = from[b][c];
}
#endif

// The bytes of a strip by their place in the block: row c of the turned ones has those of column c,
// block after block, row after row.
class Strip {
  public:
    Strip(uint8_t* rows, int64_t stride, int64_t blocks, Scratch& scratch)
        : rows_(rows), stride_(stride), blocks_(blocks), lanes_(8 * blocks),
          turned_(scratch.lines.get_aligned<uint8_t>(8 * lanes_)),
          numbers_(scratch.sums.get_aligned<int32_t>(8 * lanes_)) {}

    void run(const int32_t* quantizers) {
        exchange<true>();
        along_rows();
        for (int u = 0; u < 8; ++u) along_columns(u, quantizers);
        back_along_rows();
        exchange<false>();
    }

  private:
    template <bool In> void exchange() {
        for (int r = 0; r < 8; ++r)
            for (int64_t b = 0; b < blocks_; b += 8) {
                uint8_t *own[8], *turned[8];
                for (int k = 0; k < 8; ++k) {
                    own[k] = rows_ + r * stride_ + 8 * (b + k);
                    turned[k] = turned_ + k * lanes_ + r * blocks_ + b;
                }
                In ? turn(own, turned) : turn(turned, own);
            }
    }

    // The three loops read and write their eight numbers themselves: behind a function of the three
    // the compiler put them side by side no more (142 us an image became 620).
    void along_rows() {
        const uint8_t* in = turned_;
        int32_t* out = numbers_;
        const int64_t n = lanes_;
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) {
            const auto at = [=](int c) { return in[c * n + i] - 128; };
            const Eight v = forward<true>({at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)});
            out[i] = v.a, out[n + i] = v.b, out[2 * n + i] = v.c, out[3 * n + i] = v.d;
            out[4 * n + i] = v.e, out[5 * n + i] = v.f, out[6 * n + i] = v.g, out[7 * n + i] = v.h;
        }
    }

    // Frequency u of the rows: forth along the columns, quantized, and back.
    void along_columns(int u, const int32_t* quantizers) {
        int32_t* own = numbers_ + u * lanes_;
        const int64_t n = blocks_;
        const auto quantizer = [=](int v) {
            const int32_t step = quantizers[8 * v + u];
            return Quantizer{step, 1.0f / static_cast<float>(8 * step)};
        };
        const Quantizer q0 = quantizer(0), q1 = quantizer(1), q2 = quantizer(2), q3 = quantizer(3);
        const Quantizer q4 = quantizer(4), q5 = quantizer(5), q6 = quantizer(6), q7 = quantizer(7);
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) {
            const auto at = [=](int r) { return own[r * n + i]; };
            const Eight f =
                forward<false>({at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)});
            const Eight v = backward<false>(
                {quantized(f.a, q0), quantized(f.b, q1), quantized(f.c, q2), quantized(f.d, q3),
                 quantized(f.e, q4), quantized(f.f, q5), quantized(f.g, q6), quantized(f.h, q7)});
            own[i] = v.a, own[n + i] = v.b, own[2 * n + i] = v.c, own[3 * n + i] = v.d;
            own[4 * n + i] = v.e, own[5 * n + i] = v.f, own[6 * n + i] = v.g, own[7 * n + i] = v.h;
        }
    }

    void back_along_rows() {
        const int32_t* in = numbers_;
        uint8_t* out = turned_;
        const int64_t n = lanes_;
#pragma omp simd
        for (int64_t i = 0; i < n; ++i) {
            const auto at = [=](int u) { return in[u * n + i]; };
            const Eight v =
                backward<true>({at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)});
            const auto put = [=](int c, int32_t value) {
                out[c * n + i] = static_cast<uint8_t>(level(value));
            };
            put(0, v.a), put(1, v.b), put(2, v.c), put(3, v.d);
            put(4, v.e), put(5, v.f), put(6, v.g), put(7, v.h);
        }
    }

    uint8_t* rows_;
    int64_t stride_, blocks_, lanes_;
    uint8_t* turned_;
    int32_t* numbers_;
};

} // namespace

void through_blocks(const JpegPlane& plane, const int32_t* quantizers, Scratch& scratch) {
    for (int64_t top = 0; top < plane.rows; top += 8)
        Strip(plane.values + top * plane.stride, plane.stride, plane.stride / 8, scratch)
            .run(quantizers);
}

} // namespace variegate::inline VARIEGATE_TARGET
