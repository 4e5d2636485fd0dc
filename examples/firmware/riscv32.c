/* SPDX-License-Identifier: MIT */
/* riscv32.c - reset, the machine timer and the UART of QEMU's "virt" board */
#include <stdint.h>

#include "board.h"

#define UART ((volatile unsigned char *)0x10000000)
#define TEST ((volatile uint32_t *)0x00100000)
#define TEST_PASS 0x5555u
#define TEST_FAIL 0x13333u
#define MTIMECMP ((volatile uint32_t *)0x02004000)
#define MTIME ((volatile uint32_t *)0x0200bff8)
#define TICK 500u /* of 10 MHz */

#define MIE_TIMER 128
#define MSTATUS_MIE "8"

static void (*volatile on_tick)(void);

static void next_tick(void)
{
	uint32_t low = MTIME[0];

	/* No moment in between with a time that has passed. */
	MTIMECMP[1] = UINT32_MAX;
	MTIMECMP[0] = low + TICK;
	MTIMECMP[1] = MTIME[1] + (low + TICK < low);
}

__attribute__((interrupt("machine"), aligned(4))) static void trap(void)
{
	uint32_t cause;

	__asm__ volatile("csrr %0, mcause" : "=r"(cause));
	if (cause != 0x80000007u)
		board_exit(1);
	next_tick();
	on_tick();
}

void board_start(void (*tick)(void))
{
	on_tick = tick;
	__asm__ volatile("csrw mtvec, %0" : : "r"(trap));
	next_tick();
	__asm__ volatile("csrs mie, %0\n\tcsrsi mstatus, " MSTATUS_MIE
			 :
			 : "r"(MIE_TIMER)
			 : "memory");
}

/* An interrupt between the look and the wfi costs a tick, not more. */
void board_wait(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

void board_print(const char *text)
{
	while (*text)
		*UART = (unsigned char)*text++;
}

_Noreturn void board_exit(int status)
{
	*TEST = status ? TEST_FAIL : TEST_PASS;
	for (;;)
		;
}

/* The emulator has loaded .data, and RAM is zero; a board would copy both. */
__attribute__((naked, section(".vectors"), used)) void reset(void)
{
	__asm__ volatile("la sp, stack_top\n\tj firmware_main");
}
