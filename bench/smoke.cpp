/* SPDX-License-Identifier: MIT */
/*
 * smoke.cpp - that each rival delivers what it was given, and that it is seen
 * when one does not
 *
 * Every rival moves some thousand messages of every mix between two processes,
 * and streams and round trips if it does those. Each byte is compared. Then a
 * ring makes one mistake, of each kind; it must be found, by comparing bytes
 * and by the checksums, which are all that there is while time is taken.
 *
 *     bench-smoke
 */
#include "rivals.h"
#include "rivals/mirror.h"

#include <algorithm>
#include <cstdio>

using namespace bench;

enum class Mistake {
	none,
	short_message, /* its last byte is missing */
	other_byte,
	swapped_bytes,
	swapped_messages,
	again, /* the message before, once more, in place of this one */
};

/* A ring that makes one mistake, in the consumer, at message number 1000. */
template <Mistake mistake> class Broken : public Mirror
{
      public:
	using Mirror::Mirror;

	class Consumer : Mirror::Consumer
	{
		static constexpr unsigned int when = 1000;

		using Bytes = std::vector<unsigned char>;

		Bytes before, held;
		unsigned int number = 0;

		void spoil(Bytes &message)
		{
			if (mistake == Mistake::short_message)
				message.pop_back();
			else if (mistake == Mistake::other_byte)
				message[message.size() / 2] ^= 1;
			else if (mistake == Mistake::swapped_bytes)
				std::swap(message[0], message[1]);
			else if (mistake == Mistake::again)
				message = before;
		}

		bool take(Bytes *ret)
		{
			return Mirror::Consumer::get([&](const void *from,
							 size_t len) {
				auto *byte = static_cast<const unsigned char *>(
					from);
				ret->assign(byte, byte + len);
			});
		}

	      public:
		explicit Consumer(Broken &ring) : Mirror::Consumer(ring)
		{
		}

		template <class Look> bool get(Look look)
		{
			Bytes message;

			if (!held.empty()) {
				look(held.data(), held.size());
				held.clear();
				return true;
			}
			if (!take(&message))
				return false;
			if (++number == when) {
				spoil(message);
				while (mistake == Mistake::swapped_messages &&
				       !take(&held))
					;
				if (!held.empty())
					std::swap(message, held);
			}
			look(message.data(), message.size());
			before = message;
			return true;
		}

		template <class Look> size_t get_some(Look look)
		{
			Bytes part;
			size_t len = Mirror::Consumer::get_some(
				[&](const void *from, size_t some) {
					auto *byte = static_cast<
						const unsigned char *>(from);
					part.assign(byte, byte + some);
				});

			if (len == 0)
				return 0;
			if (++number == when)
				part[part.size() / 2] ^=
					mistake == Mistake::other_byte;
			look(part.data(), len);
			return len;
		}
	};
};

static int failures;

static void expect(bool ok, bool wished, const char *who, const char *what,
		   size_t ring)
{
	if (ok == wished)
		return;
	printf("FAILED: %s, %s, ring of %zu: %s\n", who, what, ring,
	       wished ? "went wrong" : "a mistake was not found");
	failures++;
}

/* So many messages a phase that each ring is gone round a few times. */
static uint64_t count_of(const Work &work)
{
	return std::clamp<uint64_t>(static_cast<uint64_t>(1000000 / work.mean),
				    50, 1000);
}

/* The smallest ring that it fits, since that is gone round most often. */
static void try_messages(const Rival &rival, const Work &work)
{
	for (size_t ring : { 1024, 4096, 65536, 1048576 }) {
		Case c{ ring, &work, 0, count_of(work), true };

		if (ring < 4 * work.max || !rival.fits(ring, work.max))
			continue;
		expect(rival.messages(c).ok, true, rival.name, work.name, ring);
		return;
	}
	expect(!strcmp(rival.name, "posix-mq"), true, rival.name,
	       "found no ring", 0);
}

static void try_rival(const Rival &rival)
{
	size_t ring = 65536;

	if (rival.messages)
		for (const Work &work : works())
			try_messages(rival, work);
	if (rival.bytes)
		expect(rival.bytes({ ring, nullptr, 0, 4 * piece_bytes, true })
			       .ok,
		       true, rival.name, "bytes", ring);
	if (rival.trips)
		expect(rival.trips({ ring, &works()[1], 0, 500, true }).ok,
		       true, rival.name, "round trips", ring);
}

template <Mistake mistake> static void try_mistake(const char *name, bool ok)
{
	const Work &work = works()[6];

	for (bool exact : { true, false }) {
		Case c{ 4096, &work, 0, 600, exact };

		expect(run_messages<Broken<mistake>>(c).ok, ok, "a broken ring",
		       name, c.ring);
	}
}

template <Mistake mistake> static void try_stream(const char *name, bool ok)
{
	for (bool exact : { true, false }) {
		Case c{ 4096, nullptr, 0, 16 * piece_bytes, exact };

		expect(run_bytes<Broken<mistake>>(c).ok, ok, "a broken stream",
		       name, c.ring);
	}
}

int main()
{
	for (const Rival &rival : rivals())
		try_rival(rival);
	try_mistake<Mistake::none>("no mistake", true);
	try_stream<Mistake::none>("no mistake", true);
	fprintf(stderr, "bench-smoke: mistakes are made from here on\n");
	try_mistake<Mistake::short_message>("a byte less", false);
	try_mistake<Mistake::other_byte>("another byte", false);
	try_mistake<Mistake::swapped_bytes>("bytes swapped", false);
	try_mistake<Mistake::swapped_messages>("messages swapped", false);
	try_mistake<Mistake::again>("a message twice", false);
	try_stream<Mistake::other_byte>("another byte", false);
	printf("bench-smoke: %zu rivals, %d failed\n", rivals().size(),
	       failures);
	return failures ? 1 : 0;
}
