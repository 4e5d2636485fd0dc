/* SPDX-License-Identifier: MIT */
/* board.h - what firmware.c needs of a board; a file for each kind of core. */
#ifndef BOARD_H
#define BOARD_H

/* From now on call tick, again and again, as an interrupt handler. */
void board_start(void (*tick)(void));
/* Sleep until the next interrupt. */
void board_wait(void);
/* To the host. */
void board_print(const char *text);
/* End the emulation; 0 is success. */
_Noreturn void board_exit(int status);

/* firmware.c; the reset handler of the board calls it. */
_Noreturn void firmware_main(void);

#endif /* BOARD_H */
