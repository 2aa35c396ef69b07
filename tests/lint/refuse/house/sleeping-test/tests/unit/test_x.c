void f(void)
{
    sleep(1);
    usleep(10);
}
