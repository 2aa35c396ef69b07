/* strcpy() in a comment harms nobody, nor does "gets(" in a string or snprintf(). */
void f(char *to, const char *from)
{
    strcpy(to, from);
    strcat (to, from);
    sprintf(to, "gets(%s)", from);
    int n = atoi(from);
    printf("strcpy(%d)\n", n); snprintf(to, 1, "x"); reader.gets(1);
    gets(to);
}
