# strip.awk -- C source without its comments and without what is in its strings and character constants, line for line.

{
    out = ""
    n = length($0)
    for (i = 1; i <= n; i++) {
        c = substr($0, i, 1)
        two = substr($0, i, 2)
        if (mode == "comment") {
            if (two == "*/") {
                mode = ""
                i++
            }
        } else if (mode != "") {
            if (c == "\\") {
                i++
            } else if (c == mode) {
                mode = ""
                out = out c
            }
        } else if (two == "/*") {
            mode = "comment"
            i++
        } else if (two == "//") {
            break
        } else {
            if (c == "\"" || c == "'")
                mode = c
            out = out c
        }
    }
    if (mode != "comment")
        mode = "" # no string goes on over a line's end
    print out
}
