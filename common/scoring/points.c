#include "catalog/catalog.h"
#include "scoring/exact.h"
#include "scoring/scoring.h"
#include <math.h>

/* A double as an integer of at most 53 bits times a power of two. */
struct parts {
    int64_t mantissa;
    int exponent;
};

static struct parts parts_of(double x)
{
    struct parts p;
    p.mantissa = (int64_t)ldexp(frexp(x, &p.exponent), 53);
    p.exponent -= 53;
    return p;
}

/* magnitude * 2^exponent, rounded half up, at most INT64_MAX. */
static int64_t scaled(unsigned __int128 magnitude, int exponent)
{
    if (exponent < -127 || magnitude == 0)
        return 0;
    if (exponent < 0) {
        unsigned __int128 whole = (magnitude >> (-exponent - 1)) / 2 + (magnitude >> (-exponent - 1)) % 2;
        return whole > INT64_MAX ? INT64_MAX : (int64_t)whole;
    }
    bool fits = exponent < 63 && magnitude <= (unsigned __int128)INT64_MAX >> exponent;
    return fits ? (int64_t)(magnitude << exponent) : INT64_MAX;
}

/* 53 + 53 + 20 bits: the product fits into 128. */
int64_t exact_product(double a, double b)
{
    if (isnan(a) || isnan(b) || a == 0 || b == 0)
        return 0;
    bool negative = (a < 0) != (b < 0);
    if (isinf(a) || isinf(b))
        return negative ? INT64_MIN : INT64_MAX;
    struct parts x = parts_of(fabs(a)), y = parts_of(fabs(b));
    unsigned __int128 product = (unsigned __int128)x.mantissa * (uint64_t)y.mantissa * MICRO;
    int64_t rounded = scaled(product, x.exponent + y.exponent);
    return negative ? -rounded : rounded;
}

int64_t points_round(double points) { return exact_product(points, 1); }

/* Five operations with an error of 2^-53 each, on less than 2^40: off by less than 2^-10. Further than that from the
 * middle between two integers, the estimate decides. */
static bool decided(double estimate, int64_t *rounded)
{
    if (!(estimate >= 0 && estimate < 0x1p40))
        return false;
    *rounded = (int64_t)estimate;
    double fraction = estimate - (double)*rounded;
    *rounded += fraction > 0.5;
    return fabs(fraction - 0.5) > 0x1p-8;
}

/* Where the estimate leaves it open, 113 bits (software, so the same everywhere): differences of doubles within 2^16 of
 * each other and their product with a points_max below 2^40 are exact in them, and the quotient is a tie only if it is.
 */
int64_t exact_proportion(int64_t points_max, double value, double from, double to)
{
    int64_t rounded;
    if (decided((double)points_max * ((value - from) / (to - from)), &rounded))
        return rounded;
    __float128 exact = ((__float128)value - from) * points_max / ((__float128)to - from);
    int64_t whole = (int64_t)exact;
    return whole + (exact - whole >= 0.5);
}
