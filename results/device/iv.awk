# Synthetic current-voltage curves: the published fit of an HfO2 RRAM, I = G V + NL2 V^2 + NL3 V^3 (Milo et al., IRPS
# 2021, coefficients as in CrossSim's RRAM_Milo), at four levels of G (at 0 V), six devices each.  A device's currents
# are larger or smaller as a whole, sigma 4 %; its points have noise of 0.3 % and 20 nA.  The numbers are the same in
# every awk: the generator is written out (Wichmann and Hill 1982; a normal deviate is twelve of its numbers less 6).
#   awk -f results/device/iv.awk >examples/iv.csv
# SPDX-License-Identifier: GPL-3.0-or-later
function uniform(    sum) {
    a = (171 * a) % 30269
    b = (172 * b) % 30307
    c = (170 * c) % 30323
    sum = a / 30269 + b / 30307 + c / 30323
    return sum - int(sum)
}
function gauss(    k, sum) {
    for (k = 0; k < 12; k++)
        sum += uniform()
    return sum - 6
}
BEGIN {
    a = 2026; b = 11; c = 26
    print "# Synthetic, not measured: Milo et al. IRPS 2021 with made-up spread and noise, by results/device/iv.awk"
    print "level,device,v[V],i[A]"
    for (level = 0; level < 4; level++) {
        g = (65 + 15 * level) * 1e-6
        x = log(g) / log(10)
        nl2 = ((0.0001388 * x + 0.001541) * x + 0.005711) * x + 0.007063
        nl3 = (8.8710e-05 * x + 6.7919e-04) * x + 1.2968e-03
        for (device = 1; device <= 6; device++) {
            scale = 1 + 0.04 * gauss()
            for (k = -5; k <= 5; k++) {
                v = k / 10
                i = scale * (g * v + nl2 * v ^ 2 + nl3 * v ^ 3) * (1 + 0.003 * gauss()) + 20e-9 * gauss()
                printf "%d,W%d-%d,%.1f,%.5e\n", level, level, device, v, i
            }
        }
    }
}
