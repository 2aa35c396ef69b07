#include "station/label/specimen.h"

#include <math.h>

#define LETTER_COLUMNS 5
#define LETTER_ROWS 7
#define LETTER_STEP (LETTER_COLUMNS + 1)
#define FILLED_PART 0.94 /* of the label's width and height */

/* Drawn here and not by a font: a preview must be marked whatever is installed. */
static const char *const letters[][LETTER_ROWS] = {
    {" ####", "#    ", "#    ", " ### ", "    #", "    #", "#### "}, /* S */
    {"#### ", "#   #", "#   #", "#### ", "#    ", "#    ", "#    "}, /* P */
    {"#####", "#    ", "#    ", "#### ", "#    ", "#    ", "#####"}, /* E */
    {" ####", "#    ", "#    ", "#    ", "#    ", "#    ", " ####"}, /* C */
    {" ### ", "  #  ", "  #  ", "  #  ", "  #  ", "  #  ", " ### "}, /* I */
    {"#   #", "## ##", "# # #", "# # #", "#   #", "#   #", "#   #"}, /* M */
    {"#####", "#    ", "#    ", "#### ", "#    ", "#    ", "#####"}, /* E */
    {"#   #", "##  #", "# # #", "#  ##", "#   #", "#   #", "#   #"}, /* N */
};

#define WORD_COLUMNS ((int)ARRAY_SIZE(letters) * LETTER_STEP - 1)

/* The word's own square at this place, counted from its upper left corner. */
static bool is_in_letter(double column, double row)
{
    if (column < 0 || row < 0 || column >= WORD_COLUMNS || row >= LETTER_ROWS)
        return false;
    const unsigned at = (unsigned)column;
    const unsigned within = at % LETTER_STEP;
    return within < LETTER_COLUMNS && letters[at / LETTER_STEP][(unsigned)row][within] == '#';
}

void specimen_mark(struct label_bitmap *bitmap)
{
    const double width = bitmap->width, height = bitmap->height;
    const double slant = atan2(height, width), along = cos(slant), across = sin(slant);
    /* The slanted word's box must fit both ways. */
    const double wide = FILLED_PART * width / (WORD_COLUMNS * along + LETTER_ROWS * across);
    const double high = FILLED_PART * height / (WORD_COLUMNS * across + LETTER_ROWS * along);
    const double square = fmin(wide, high); /* dots */
    for (uint32_t y = 0; y < bitmap->height; y++) {
        for (uint32_t x = 0; x < bitmap->width; x++) {
            /* It rises from the lower left corner to the upper right one. */
            const double right = x + 0.5 - width / 2, down = y + 0.5 - height / 2;
            const double column = (right * along - down * across) / square + WORD_COLUMNS / 2.0;
            const double row = (right * across + down * along) / square + LETTER_ROWS / 2.0;
            if (is_in_letter(column, row))
                bitmap->rows[(size_t)y * bitmap->stride + x / 8] ^= (uint8_t)(0x80u >> x % 8);
        }
    }
}
