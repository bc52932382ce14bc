# table.csv -> margin.svg: margin by side, a line for each law and scheme.
# SPDX-License-Identifier: GPL-3.0-or-later
function x(side) { return 70 + 480 * log(side / 8) / log(32) }
function y(margin) { return 340 - 300 * margin }
BEGIN {
    colour["ohmic"] = "#1b6ca8"; colour["sinh"] = "#c4501b"; colour["selector"] = "#3a7d2c"
    dash["half"] = ""; dash["third"] = "7 4"; dash["floating"] = "2 4"
    print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 400\" font-family=\"sans-serif\" font-size=\"13\">"
    print "<title>Read margin of one cell by array size</title>"
    print "<rect width=\"760\" height=\"400\" fill=\"#fff\"/>"
    for (side = 8; side <= 256; side *= 2) {
        printf "<line x1=\"%.1f\" y1=\"40\" x2=\"%.1f\" y2=\"340\" stroke=\"#ddd\"/>\n", x(side), x(side)
        printf "<text x=\"%.1f\" y=\"358\" text-anchor=\"middle\">%d</text>\n", x(side), side
    }
    for (k = 0; k <= 5; k++) {
        printf "<line x1=\"70\" y1=\"%.1f\" x2=\"550\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", y(k / 5), y(k / 5)
        printf "<text x=\"62\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>\n", y(k / 5) + 4, k / 5
    }
    print "<text x=\"310\" y=\"384\" text-anchor=\"middle\">word lines and bit lines</text>"
    print "<text x=\"20\" y=\"190\" text-anchor=\"middle\" transform=\"rotate(-90 20 190)\">(I_on - I_off) / I_on</text>"
    print "<text x=\"70\" y=\"24\" font-weight=\"bold\">What is left of a cell's read margin, all other cells on</text>"
}
/^#/ || $1 == "law" { next }
{
    key = $1 " " $2
    if (!(key in line)) { order[++keys] = key; law[key] = $1; scheme[key] = $2 }
    line[key] = line[key] sprintf("%s%.1f,%.1f", line[key] ? " " : "", x($3), y($6))
    dots[key] = dots[key] sprintf("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>\n", x($3), y($6), colour[$1])
}
END {
    for (k = 1; k <= keys; k++) {
        key = order[k]
        stroke = sprintf("stroke=\"%s\" stroke-width=\"1.8\" stroke-dasharray=\"%s\"", colour[law[key]], dash[scheme[key]])
        printf "<polyline points=\"%s\" fill=\"none\" %s/>\n%s", line[key], stroke, dots[key]
        printf "<line x1=\"570\" y1=\"%d\" x2=\"606\" y2=\"%d\" %s/>\n", 50 + 24 * k, 50 + 24 * k, stroke
        printf "<text x=\"614\" y=\"%d\">%s, %s</text>\n", 54 + 24 * k, law[key],
            scheme[key] == "half" ? "V/2" : scheme[key] == "third" ? "V/3" : "floating"
    }
    print "</svg>"
}
