/* Logarithm and exponential that are the same bits on every x86-64: series over IEEE basic operations. The processor's
 * own instructions for them, which the C library uses for long double, differ between makers in the last bit. Private
 * to common/scoring. Relative error below 2^-59. */
#pragma once

long double mean_ln(long double x);  /* x > 0 */
long double mean_exp(long double x); /* -1000 < x < 1000 */
