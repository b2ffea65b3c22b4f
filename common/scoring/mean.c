#include "scoring/mean.h"
#include <math.h>

static const long double LN_2 = 0.693147180559945309417232121458176568L;
enum { TERMS = 22 }; /* the last one is below 2^-70 for the arguments left after reduction */

/* ln m = 2 artanh z with z = (m - 1) / (m + 1) (M. Abramowitz, I. Stegun, "Handbook of Mathematical
 * Functions", 4.1.27); m within sqrt(1/2) .. sqrt(2), so |z| < 0.172. */
static long double ln_reduced(long double m)
{
    long double z = (m - 1) / (m + 1), square = z * z, sum = 0;
    for (int k = 2 * TERMS + 1; k > 0; k -= 2)
        sum = sum * square + 1.0L / k;
    return 2 * z * sum;
}

long double mean_ln(long double x)
{
    int exponent;
    long double m = frexpl(x, &exponent);
    if (m < 0.707106781186547524L) {
        m *= 2;
        exponent--;
    }
    return ln_reduced(m) + exponent * LN_2;
}

/* exp x = 2^k exp r, r = x - k ln 2, |r| < 0.347 (ibid., 4.2.1). */
long double mean_exp(long double x)
{
    long double k = floorl(x / LN_2 + 0.5L), r = x - k * LN_2, sum = 1;
    for (int n = TERMS; n > 0; n--)
        sum = 1 + sum * r / n;
    return ldexpl(sum, (int)k);
}
