/* SPDX-License-Identifier: MIT */
/*
 * cortex-m.c - reset, SysTick, and the host by semihosting, for ARMv6-M and
 * ARMv7-M
 */
#include <stdint.h>

#include "board.h"

/* From the linker script. */
extern uint32_t stack_top, data_load, data_start, data_end, bss_start, bss_end;

#define SYSTICK ((volatile uint32_t *)0xe000e010)
#define SYSTICK_ON 7u /* counting the core's clock, and interrupting */
#define TICK_CYCLES 2000u

#define SEMIHOSTING_WRITE0 0x04
#define SEMIHOSTING_EXIT 0x18
#define EXIT_SUCCESS_REASON 0x20026u
#define EXIT_ERROR_REASON 0x20023u

static void (*volatile on_tick)(void);

static void semihosting(int operation, uintptr_t argument)
{
	register int r0 __asm__("r0") = operation;
	register uintptr_t r1 __asm__("r1") = argument;

	__asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void board_start(void (*tick)(void))
{
	on_tick = tick;
	SYSTICK[1] = TICK_CYCLES;
	SYSTICK[2] = 0;
	SYSTICK[0] = SYSTICK_ON;
}

/* An interrupt between the look and the wfi costs a tick, not more. */
void board_wait(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

void board_print(const char *text)
{
	semihosting(SEMIHOSTING_WRITE0, (uintptr_t)text);
}

_Noreturn void board_exit(int status)
{
	semihosting(SEMIHOSTING_EXIT,
		    status ? EXIT_ERROR_REASON : EXIT_SUCCESS_REASON);
	for (;;)
		;
}

/* ---- reset ------------------------------------------------------------- */

static void systick_handler(void)
{
	on_tick();
}

static _Noreturn void fault_handler(void)
{
	board_exit(1);
}

static _Noreturn void reset_handler(void)
{
	const uint32_t *from = &data_load;
	uint32_t *to;

	for (to = &data_start; to < &data_end; to++)
		*to = *from++;
	for (to = &bss_start; to < &bss_end; to++)
		*to = 0;
	firmware_main();
}

static const struct {
	void *stack;
	void (*handler[15])(void);
} vectors __attribute__((section(".vectors"), used)) = {
	.stack = &stack_top,
	.handler = {
		[0] = reset_handler,
		[1] = fault_handler, /* NMI */
		[2] = fault_handler, /* HardFault */
		[14] = systick_handler,
	},
};
