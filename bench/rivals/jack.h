/* SPDX-License-Identifier: MIT */
/*
 * jack.h - JACK's ringbuffer
 *
 * A ring of bytes. Its functions allocate the struct, and nothing in it asks
 * where it lies, so here it is laid into shared memory as they would make it.
 * A message goes in behind its length, both by one advance; where it would be
 * cut in two by the end of the ring, it is copied.
 */
#ifndef BENCH_RIVALS_JACK_H
#define BENCH_RIVALS_JACK_H

#include "machine.h"

#include <algorithm>
#include <cstring>
#include <jack/ringbuffer.h>

namespace bench
{

class Jack
{
	static constexpr size_t header = sizeof(uint32_t);
	static constexpr size_t bytes_at = 128;

	Shared shared;
	size_t size;
	size_t max;

	jack_ringbuffer_t *ring() const
	{
		return shared.at<jack_ringbuffer_t>();
	}

	/* One side: the ring, and a place for a message in two parts. */
	struct End {
		jack_ringbuffer_t *ring;
		std::vector<unsigned char> whole;

		explicit End(Jack &queue)
		    : ring(queue.ring()), whole(header + queue.max)
		{
		}
	};

	static size_t length(const jack_ringbuffer_data_t *parts)
	{
		return parts[0].len + parts[1].len;
	}

      public:
	static bool fits(size_t bytes, size_t longest)
	{
		return (bytes & (bytes - 1)) == 0 && header + longest < bytes;
	}

	/* One of its bytes stays empty. */
	Jack(size_t bytes, size_t longest)
	    : shared(bytes_at + bytes), size(bytes), max(longest)
	{
		*ring() = { reinterpret_cast<char *>(shared.data() + bytes_at),
			    0,
			    0,
			    size,
			    size - 1,
			    0 };
	}

	size_t memory() const
	{
		return size;
	}

	class Producer : End
	{
		/* jack_ringbuffer_write would publish each part by itself. */
		void put_whole(const jack_ringbuffer_data_t *parts, size_t len)
		{
			memcpy(parts[0].buf, whole.data(), parts[0].len);
			memcpy(parts[1].buf, whole.data() + parts[0].len,
			       len - parts[0].len);
			jack_ringbuffer_write_advance(ring, len);
		}

	      public:
		explicit Producer(Jack &queue) : End(queue)
		{
		}

		template <class Write> bool put(size_t len, Write write)
		{
			auto word = static_cast<uint32_t>(len);
			jack_ringbuffer_data_t parts[2];

			jack_ringbuffer_get_write_vector(ring, parts);
			if (length(parts) < header + len)
				return false;
			if (parts[0].len < header + len) {
				memcpy(whole.data(), &word, header);
				write(whole.data() + header);
				put_whole(parts, header + len);
				return true;
			}
			memcpy(parts[0].buf, &word, header);
			write(parts[0].buf + header);
			jack_ringbuffer_write_advance(ring, header + len);
			return true;
		}

		void flush()
		{
		}

		template <class Write> size_t put_some(size_t most, Write write)
		{
			jack_ringbuffer_data_t parts[2];

			jack_ringbuffer_get_write_vector(ring, parts);
			most = std::min({ most, parts[0].len / 64 * 64,
					  ring->size / 4 });
			if (most == 0)
				return 0;
			write(parts[0].buf, most);
			jack_ringbuffer_write_advance(ring, most);
			return most;
		}
	};

	class Consumer : End
	{
		/* The length of the message that begins here. */
		size_t peek()
		{
			uint32_t word = 0;

			jack_ringbuffer_peek(
				ring, reinterpret_cast<char *>(&word), header);
			return word;
		}

	      public:
		explicit Consumer(Jack &queue) : End(queue)
		{
		}

		template <class Look> bool get(Look look)
		{
			jack_ringbuffer_data_t parts[2];
			size_t len;

			jack_ringbuffer_get_read_vector(ring, parts);
			if (length(parts) == 0)
				return false;
			len = peek();
			if (parts[0].len < header + len) {
				jack_ringbuffer_read(
					ring,
					reinterpret_cast<char *>(whole.data()),
					header + len);
				look(whole.data() + header, len);
				return true;
			}
			look(parts[0].buf + header, len);
			jack_ringbuffer_read_advance(ring, header + len);
			return true;
		}

		template <class Look> size_t get_some(Look look)
		{
			jack_ringbuffer_data_t parts[2];

			jack_ringbuffer_get_read_vector(ring, parts);
			size_t len = std::min(parts[0].len, ring->size / 4);
			if (len == 0)
				return 0;
			look(parts[0].buf, len);
			jack_ringbuffer_read_advance(ring, len);
			return len;
		}
	};
};

} // namespace bench

#endif
