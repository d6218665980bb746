# The table (Markdown, stdout) and the plot (SVG) of what compare.sh measured.
# Input: row, client, messages a second, ns of CPU a message, peak RSS, tab-separated; latency has p50 and p99 in ms, idle
# seconds and seconds of CPU. Variables: facts, missing (clients, with blanks), svg (a file).
BEGIN {
    FS = "\t"
    count = split("kwire group librdkafka kcat java limit", clients, " ")
    split("#2b6cb0 #63a4dd #d69e2e #a0aec0 #c05621 #718096", colors, " ")
    title["kwire"] = "kwire"; title["group"] = "kwire, group"; title["librdkafka"] = "librdkafka"
    title["kcat"] = "kcat"; title["java"] = "Java"; title["limit"] = "limit"
    words["none"] = "uncompressed"; words["10B"] = "10-byte messages"; words["1KB"] = "1 KB messages"
    words["10KB"] = "10 KB messages"; words["1MB"] = "1 MB messages"; words["p1"] = "1 partition"
    words["p64"] = "64 partitions"; words["p1000"] = "1,000 partitions"; words["b1"] = "batches of 1"
    words["b10"] = "batches of 10"; words["b100"] = "batches of 100"; words["b10000"] = "batches of 10,000"
    words["threads2"] = "two reading threads"; words["brokers3"] = "three brokers"
    words["v0"] = "message sets v0"; words["v1"] = "message sets v1"
}
$3 == "" { next }
{
    if (!($1 in seen)) { seen[$1] = 1; if ($1 != "latency" && $1 != "idle") order[++rows] = $1 }
    key = $1 SUBSEP $2
    if ($1 == "latency" || $1 == "idle") {
        if (!(key in first) || $3 + 0 < first[key]) first[key] = $3 + 0
        if (!(key in second) || $4 + 0 < second[key]) second[key] = $4 + 0
        next
    }
    if ($3 + 0 > speed[key]) speed[key] = $3 + 0
    if (!(key in cpu) || $4 + 0 < cpu[key]) cpu[key] = $4 + 0
    if (!(key in rss) || $5 + 0 < rss[key]) rss[key] = $5 + 0
}
function label(row) { return row in words ? words[row] : row }
function absent(client) { return index(" " missing " ", " " client " ") ? "absent" : "-" }
function rate(value) { return value >= 1e5 ? sprintf("%.2f M", value / 1e6) : sprintf("%.1f k", value / 1e3) }
function ratio(row, a, b) {
    if (!((row, a) in speed) || !((row, b) in speed)) return "-"
    return sprintf("%.2f", speed[row, a] / speed[row, b])
}
function head(what, more,    i, line, rule) {
    line = "| " what; rule = "|---"
    for (i = 1; i <= count; i++) { line = line " | " title[clients[i]]; rule = rule "|---" }
    print line more " |"
    gsub(/[^|]/, "", more)
    print rule gensub_bars(more) "|"
}
function gensub_bars(bars) { gsub(/\|/, "|---", bars); return bars }
function cells(row, values, kind,    i, line) {
    line = "| " label(row)
    for (i = 1; i <= count; i++) {
        if (!((row, clients[i]) in values)) line = line " | " absent(clients[i])
        else if (kind == "speed") line = line " | " rate(values[row, clients[i]])
        else if (kind == "cpu") line = line " | " sprintf(values[row, clients[i]] < 1e5 ? "%.0f" : "%.3g", values[row, clients[i]])
        else line = line " | " sprintf("%.0f", values[row, clients[i]] / 1e6)
    }
    return line
}
function pair(row, what, form,    i) {
    if (!(row in seen)) return
    print "\n## " what "\n"
    for (i = 1; i <= count; i++) if ((row, clients[i]) in first) {
        if (row == "idle") printf "- %s: " form "\n", title[clients[i]], 100 * second[row, clients[i]] / first[row, clients[i]]
        else printf "- %s: " form "\n", title[clients[i]], first[row, clients[i]], second[row, clients[i]]
    }
}
function draw(    i, r, y, width, most, row) {
    most = 0
    for (key in speed) if (speed[key] > most) most = speed[key]
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", rows * (count * 13 + 16) + 60 > svg
    print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>" > svg
    print "<text x=\"10\" y=\"20\" font-size=\"14\">Messages a second, best run of each client</text>" > svg
    for (i = 1; i <= count; i++) {
        printf "<rect x=\"%d\" y=\"30\" width=\"10\" height=\"10\" fill=\"%s\"/><text x=\"%d\" y=\"39\">%s</text>\n", 10 + (i - 1) * 110, colors[i], 24 + (i - 1) * 110, title[clients[i]] > svg
    }
    y = 56
    for (r = 1; r <= rows; r++) {
        row = order[r]
        printf "<text x=\"150\" y=\"%d\" text-anchor=\"end\">%s</text>\n", y + 11, label(row) > svg
        for (i = 1; i <= count; i++) {
            if (!((row, clients[i]) in speed)) continue
            width = 600 * speed[row, clients[i]] / most
            printf "<rect x=\"158\" y=\"%d\" width=\"%.1f\" height=\"11\" fill=\"%s\"/><text x=\"%.1f\" y=\"%d\" font-size=\"10\">%s</text>\n", y + 1, width, colors[i], 162 + width, y + 10, rate(speed[row, clients[i]]) > svg
            y += 13
        }
        y += 12
    }
    print "</svg>" > svg
}
END {
    print "# kwire beside others\n\n" facts
    if (rows > 0) {
        print "\n## Messages a second\n"
        head("", " | kwire / librdkafka | kwire / limit | group / kwire")
        for (r = 1; r <= rows; r++) print cells(order[r], speed, "speed") " | " ratio(order[r], "kwire", "librdkafka") " | " ratio(order[r], "kwire", "limit") " | " ratio(order[r], "group", "kwire") " |"
        print "\n## CPU, ns a message (user and system; Java's with the start of its machine)\n"
        head("", "")
        for (r = 1; r <= rows; r++) print cells(order[r], cpu, "cpu") " |"
        print "\n## Peak memory, MB\n"
        head("", "")
        for (r = 1; r <= rows; r++) print cells(order[r], rss, "rss") " |"
        draw()
    }
    pair("latency", "From send to receipt, 1,000 messages a second", "p50 %.2f ms, p99 %.2f ms")
    pair("idle", "1,000 partitions where nothing comes, of one core", "%.2f %%")
}
