# results.awk -- what a JUnit file of ctest says, as lines "passed NAME", "failed NAME" and "skipped NAME: REASON".
#
# ctest says "notrun" of a test that stood aside and of one that could not be started. Only the first is a skip: a missing
# program counts as failed. results/ holds a file with every kind, and what must be read from it.

function attribute(name,    value) {
    if (!match($0, " " name "=\"[^\"]*\"")) return ""
    value = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
    return value
}
function plain(text) {
    gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text); gsub(/&apos;/, "\047", text)
    gsub(/&amp;/, "\\&", text)
    return text
}
function close_case() {
    if (name == "") return
    if (status == "run") print "passed " name
    else if (status == "disabled") print "skipped " name ": it is disabled"
    else if (status == "notrun" && asked) print "skipped " name ": " plain(reason == "" ? "it gave no reason" : reason)
    else print "failed " name
    name = ""
}
/<testcase / { close_case(); name = attribute("name"); status = attribute("status"); asked = 0; reason = "" }
/<skipped message="SKIP_/ { asked = 1 }
name != "" && /<system-out>/ { sub(/.*<system-out>/, "") ; inside = 1 }
inside && name != "" {
    text = $0
    sub(/<\/system-out>.*/, "", text)
    if (text ~ /[^ \t]/ && (reason == "" || tolower(text) ~ /skip/)) reason = text
    # A group of cmocka tests passes even when one of them stood aside.
    if (status == "run" && text ~ /^\[  SKIPPED \] [A-Za-z_]/ && !((name, text) in told)) {
        told[name, text] = 1
        print "skipped " name ": " substr(text, 14)
    }
}
/<\/system-out>/ { inside = 0 }
END { close_case() }
