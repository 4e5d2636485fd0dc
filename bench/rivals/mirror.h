/* SPDX-License-Identifier: MIT */
/*
 * mirror.h - the ring that is mapped twice, one copy after the other
 *
 * So whatever is shorter than the ring lies in one piece, wherever it begins.
 * A message has its length in a word before it and begins at a multiple of 8.
 * Indices as in slots.h: padded, with a copy of the other side's.
 */
#ifndef BENCH_RIVALS_MIRROR_H
#define BENCH_RIVALS_MIRROR_H

#include "machine.h"

#include <algorithm>
#include <cerrno>
#include <sys/mman.h>
#include <unistd.h>

namespace bench
{

class Mirror
{
	struct Words {
		Lone head; /* bytes ever written */
		Lone tail; /* bytes ever read */
	};

	static constexpr size_t header = sizeof(uint64_t);

	Shared shared;
	size_t size; /* a power of two, of whole pages */
	unsigned char *data;

	void map_half(int file, size_t offset)
	{
		if (mmap(data + offset, size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_POPULATE, file,
			 0) == MAP_FAILED)
			die("mirrored memory", errno);
	}

	static size_t record(size_t len)
	{
		return header + (len + 7) / 8 * 8;
	}

	class End
	{
		unsigned char *data;
		size_t mask;

	      protected:
		Words *words;
		size_t size;
		uint64_t own = 0;
		uint64_t other = 0;

		explicit End(Mirror &ring)
		    : data(ring.data), mask(ring.size - 1),
		      words(ring.shared.at<Words>()), size(ring.size)
		{
		}

		unsigned char *here() const
		{
			return data + (own & mask);
		}

		void step(std::atomic<uint64_t> &word, size_t len)
		{
			own += len;
			word.store(own, std::memory_order_release);
		}
	};

      public:
	static bool fits(size_t ring, size_t max)
	{
		return ring % 4096 == 0 && (ring & (ring - 1)) == 0 &&
		       record(max) <= ring;
	}

	Mirror(size_t ring, size_t) : shared(sizeof(Words)), size(ring)
	{
		int file = memfd_create("mirror", MFD_CLOEXEC);
		void *start = mmap(nullptr, 2 * size, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (file < 0 || start == MAP_FAILED ||
		    ftruncate(file, static_cast<off_t>(size)))
			die("mirrored memory", errno);
		data = static_cast<unsigned char *>(start);
		map_half(file, 0);
		map_half(file, size);
		close(file);
	}
	~Mirror()
	{
		munmap(data, 2 * size);
	}
	Mirror(const Mirror &) = delete;
	Mirror &operator=(const Mirror &) = delete;

	size_t memory() const
	{
		return size;
	}

	class Producer : End
	{
		size_t room()
		{
			return size - (own - other);
		}

		/* The bytes free, at least so many; or 0. */
		size_t need(size_t len)
		{
			if (room() < len)
				other = words->tail.word.load(
					std::memory_order_acquire);
			return room() < len ? 0 : room();
		}

	      public:
		explicit Producer(Mirror &ring) : End(ring)
		{
		}

		template <class Write> bool put(size_t len, Write write)
		{
			if (need(record(len)) == 0)
				return false;
			*reinterpret_cast<uint64_t *>(here()) = len;
			write(here() + header);
			step(words->head.word, record(len));
			return true;
		}

		void flush()
		{
		}

		template <class Write> size_t put_some(size_t max, Write write)
		{
			max = std::min({ max, size / 4, need(64) / 64 * 64 });
			if (max == 0)
				return 0;
			write(here(), max);
			step(words->head.word, max);
			return max;
		}
	};

	class Consumer : End
	{
		bool some()
		{
			if (own == other)
				other = words->head.word.load(
					std::memory_order_acquire);
			return own != other;
		}

	      public:
		explicit Consumer(Mirror &ring) : End(ring)
		{
		}

		template <class Look> bool get(Look look)
		{
			if (!some())
				return false;
			size_t len = *reinterpret_cast<uint64_t *>(here());
			look(here() + header, len);
			step(words->tail.word, record(len));
			return true;
		}

		template <class Look> size_t get_some(Look look)
		{
			if (!some())
				return 0;
			size_t len = std::min(other - own, size / 4);
			look(here(), len);
			step(words->tail.word, len);
			return len;
		}
	};
};

} // namespace bench

#endif
