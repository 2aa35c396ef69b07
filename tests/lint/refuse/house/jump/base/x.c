int f(int n)
{
    if (n)
        goto out;
out:
    return n;
}
