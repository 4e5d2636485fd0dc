/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - what the kernel has: pipe, Unix sockets, POSIX message queue
 *
 * All of them copy in and out, and block. A pipe and a stream socket have no
 * messages: each is written with its length before it, by one system call, and
 * the reader takes what there is and looks for them there.
 */
#ifndef BENCH_RIVALS_KERNEL_H
#define BENCH_RIVALS_KERNEL_H

#include "machine.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <mqueue.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace bench
{

/* A system call that did what it was asked for; a signal is no failure. */
inline size_t done(ssize_t result, const char *what)
{
	if (result < 0 && errno != EINTR)
		die(what, errno);
	return result < 0 ? 0 : static_cast<size_t>(result);
}

/* A file that bytes go into, and one that they come out of. */
class ByteFiles
{
	int files[2] = { -1, -1 };
	size_t bytes;

      protected:
	explicit ByteFiles(size_t ring) : bytes(ring)
	{
	}

	/* files[0] is read from, files[1] written to. */
	int *ends()
	{
		return files;
	}

      public:
	~ByteFiles()
	{
		close(files[0]);
		close(files[1]);
	}
	ByteFiles(const ByteFiles &) = delete;
	ByteFiles &operator=(const ByteFiles &) = delete;

	size_t memory() const
	{
		return bytes;
	}

	class Producer
	{
		int file;
		std::vector<unsigned char> buffer;

		void write_all(size_t len)
		{
			for (size_t from = 0; from < len;)
				from += done(write(file, buffer.data() + from,
						   len - from),
					     "write");
		}

	      public:
		explicit Producer(ByteFiles &files)
		    : file(files.files[1]), buffer(1 << 17)
		{
		}

		template <class Write> bool put(size_t len, Write write_to)
		{
			store_length(len);
			write_to(buffer.data() + sizeof(uint32_t));
			write_all(sizeof(uint32_t) + len);
			return true;
		}

		void flush()
		{
		}

		template <class Write>
		size_t put_some(size_t max, Write write_to)
		{
			write_to(buffer.data(), max);
			write_all(max);
			return max;
		}

	      private:
		void store_length(size_t len)
		{
			auto word = static_cast<uint32_t>(len);

			memcpy(buffer.data(), &word, sizeof(word));
		}
	};

	class Consumer
	{
		int file;
		std::vector<unsigned char> buffer;
		size_t begin = 0, end = 0;

		/* Have at least so many bytes together. */
		void need(size_t len)
		{
			if (end - begin >= len)
				return;
			std::copy(buffer.data() + begin, buffer.data() + end,
				  buffer.data());
			end -= begin;
			begin = 0;
			while (end < len) {
				size_t got =
					done(read(file, buffer.data() + end,
						  buffer.size() - end),
					     "read");
				end += got;
			}
		}

	      public:
		explicit Consumer(ByteFiles &files)
		    : file(files.files[0]), buffer(1 << 17)
		{
		}

		template <class Look> bool get(Look look)
		{
			uint32_t len;

			need(sizeof(len));
			memcpy(&len, buffer.data() + begin, sizeof(len));
			need(sizeof(len) + len);
			look(buffer.data() + begin + sizeof(len), len);
			begin += sizeof(len) + len;
			return true;
		}

		template <class Look> size_t get_some(Look look)
		{
			need(64);
			size_t len = (end - begin) / 64 * 64;

			look(buffer.data() + begin, len);
			begin += len;
			return len;
		}
	};
};

class Pipe : public ByteFiles
{
      public:
	static bool fits(size_t ring, size_t)
	{
		return ring >= 4096;
	}

	Pipe(size_t ring, size_t) : ByteFiles(ring)
	{
		if (pipe2(ends(), O_CLOEXEC))
			die("pipe", errno);
		if (fcntl(ends()[1], F_SETPIPE_SZ, static_cast<int>(ring)) < 0)
			die("F_SETPIPE_SZ", errno);
	}
};

/* Two ends of a Unix socket; the kernel counts its own overhead in, too. */
inline void socket_pair(int type, size_t ring, int *ends)
{
	int bytes = static_cast<int>(ring);

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends))
		die("socketpair", errno);
	if (setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)))
		die("SO_SNDBUF", errno);
}

class UnixStream : public ByteFiles
{
      public:
	static bool fits(size_t ring, size_t)
	{
		return ring >= 4096;
	}

	UnixStream(size_t ring, size_t) : ByteFiles(ring)
	{
		socket_pair(SOCK_STREAM, ring, ends());
	}
};

/* Both keep messages apart: one system call each, and a file for each end. */
template <size_t (*send)(int, const void *, size_t),
	  size_t (*receive)(int, void *, size_t)>
class MessageFiles
{
	int files[2] = { -1, -1 };
	size_t bytes;
	size_t max;

      protected:
	MessageFiles(size_t ring, size_t longest) : bytes(ring), max(longest)
	{
	}

	int *ends()
	{
		return files;
	}

      public:
	~MessageFiles()
	{
		close(files[0]);
		close(files[1]);
	}
	MessageFiles(const MessageFiles &) = delete;
	MessageFiles &operator=(const MessageFiles &) = delete;

	size_t memory() const
	{
		return bytes;
	}

	class Producer
	{
		int file;
		std::vector<unsigned char> buffer;

	      public:
		explicit Producer(MessageFiles &files)
		    : file(files.files[1]), buffer(files.max)
		{
		}

		template <class Write> bool put(size_t len, Write write_to)
		{
			write_to(buffer.data());
			require(send(file, buffer.data(), len) == len,
				"a message was not sent");
			return true;
		}

		void flush()
		{
		}
	};

	class Consumer
	{
		int file;
		std::vector<unsigned char> buffer;

	      public:
		/* One more: it would show if a message were too long. */
		explicit Consumer(MessageFiles &files)
		    : file(files.files[0]), buffer(files.max + 1)
		{
		}

		template <class Look> bool get(Look look)
		{
			size_t len =
				receive(file, buffer.data(), buffer.size());

			look(buffer.data(), len);
			return true;
		}
	};
};

inline size_t socket_send(int file, const void *from, size_t len)
{
	return done(send(file, from, len, 0), "send");
}

inline size_t socket_receive(int file, void *to, size_t len)
{
	return done(recv(file, to, len, 0), "recv");
}

class UnixSeqpacket : public MessageFiles<socket_send, socket_receive>
{
      public:
	static bool fits(size_t ring, size_t)
	{
		return ring >= 4096;
	}

	UnixSeqpacket(size_t ring, size_t longest) : MessageFiles(ring, longest)
	{
		socket_pair(SOCK_SEQPACKET, ring, ends());
	}
};

inline size_t queue_send(int file, const void *from, size_t len)
{
	if (mq_send(file, static_cast<const char *>(from), len, 0))
		die("mq_send", errno);
	return len;
}

inline size_t queue_receive(int file, void *to, size_t len)
{
	return done(mq_receive(file, static_cast<char *>(to), len, nullptr),
		    "mq_receive");
}

/*
 * As many messages as the ring would hold, or as few as the machine allows:
 * ten, unless this process may have more.
 */
class PosixQueue : public MessageFiles<queue_send, queue_receive>
{
	static mqd_t make(size_t messages, size_t longest)
	{
		std::string name = "/bbq-bench-" + std::to_string(getpid());
		mq_attr attr{};

		attr.mq_maxmsg = static_cast<long>(messages);
		attr.mq_msgsize = static_cast<long>(longest);
		mqd_t queue = mq_open(name.c_str(),
				      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
				      0600, &attr);
		if (queue >= 0)
			mq_unlink(name.c_str());
		return queue;
	}

      public:
	static bool fits(size_t, size_t longest)
	{
		return longest <= 8192; /* fs.mqueue.msgsize_max */
	}

	PosixQueue(size_t ring, size_t longest) : MessageFiles(ring, longest)
	{
		mqd_t queue =
			make(std::min(ring / longest, size_t{ 1024 }), longest);

		if (queue < 0)
			queue = make(10, longest);
		if (queue < 0)
			die("mq_open", errno);
		ends()[0] = queue;
		ends()[1] = dup(queue);
	}
};

} // namespace bench

#endif
