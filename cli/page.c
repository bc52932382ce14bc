/* What every HTML page of ours shares.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "page.h"

static const char style[] =
    "body{font:15px/1.5 system-ui,'Segoe UI',Helvetica,Arial,sans-serif;color:#1c2430;background:#f5f6f8;margin:0}\n"
    "main{max-width:1120px;margin:0 auto;padding:28px 24px 48px}\n"
    "h1{font-size:26px;margin:0 0 2px}h2{font-size:17px;margin:0 0 8px}\n"
    ".under{color:#5b6675;margin:0 0 20px}\n"
    "section{background:#fff;border:1px solid #dfe3e8;border-radius:8px;padding:18px 20px;margin:0 0 18px}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(135px,1fr));gap:14px;margin:0 0 18px}\n"
    ".figures div{background:#fff;border:1px solid #dfe3e8;border-radius:8px;padding:12px 16px}\n"
    ".figures b{display:block;font-size:21px;font-weight:600}\n"
    ".figures span{color:#5b6675;font-size:13px}\n"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(430px,100%),1fr));gap:18px}\n"
    ".pair section{margin:0}.pair{margin:0 0 18px}\n"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:6px 14px 6px 0;"
    "border-bottom:1px solid #e6e9ed}th{color:#5b6675;font-weight:600}td{font-variant-numeric:tabular-nums}\n"
    "code{font:13px/1.5 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}\n"
    "svg{width:100%;max-width:600px;height:auto;display:block;margin:0 auto}\n"
    "svg text{font-size:12px;fill:#39434f}svg .label{font-size:13px}\n"
    ".axis{stroke:#39434f}.grid{stroke:#e6e9ed}.frame{fill:none;stroke:#9aa4b0}"
    ".interval{fill:none;stroke:#33658a;stroke-width:1.6}.bar{fill:#33658a}\n"
    ".line{fill:none;stroke-width:1.6}\n"
    ".points{fill:none;stroke:#33658a;stroke-width:3.2;stroke-linecap:round;stroke-opacity:.6}\n"
    ".diagonal{stroke:#c2513c;stroke-width:1;fill:none}.scroll{overflow-x:auto}.figures b{white-space:nowrap}\n"
    ".number td+td{white-space:nowrap}.number td+td,.number th+th{text-align:right}"
    ".number td:last-child,.number th:last-child{padding-right:0}\n"
    ".pair .number{font-size:13px}.pair .number td,.pair .number th{padding-right:9px}\n"
    ".note{color:#5b6675;font-size:13px;margin:8px 0 0}\n"
    "@media(max-width:1000px){.figures{grid-template-columns:repeat(3,1fr)}}\n"
    "@media print{body{background:#fff}section,.figures div{break-inside:avoid}}\n";

/* Text as HTML: names of files may hold anything. */
void page_text(FILE *to, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '&': fputs("&amp;", to); break;
        case '"': fputs("&quot;", to); break;
        default: fputc(*text, to);
        }
}

void page_figure(FILE *to, const char *value, const char *meaning)
{
    fprintf(to, "<div><b>%s</b><span>%s</span></div>\n", value, meaning);
}

void page_begin(FILE *to, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
          "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>", to);
    page_text(to, title);
    fprintf(to, "</title>\n<style>\n%s</style></head>\n<body><main>\n", style);
}

void page_end(FILE *to)
{
    fputs("</main></body></html>\n", to);
}
