/* SPDX-License-Identifier: MIT */
/* iceoryx.cpp - its daemon, and how its ends are made; see iceoryx.h */
#include "rivals/iceoryx.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench
{

/* The daemon: from the first use on, and as long as this process lives. */
class Daemon
{
	pid_t owner = getpid();
	pid_t pid;

      public:
	Daemon() : pid(fork())
	{
		if (pid < 0)
			die("fork", errno);
		if (pid > 0)
			return;
		sched_param ordinary{};

		sched_setscheduler(0, SCHED_OTHER, &ordinary);
		int nothing = open("/dev/null", O_WRONLY);

		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(nothing, STDOUT_FILENO);
		dup2(nothing, STDERR_FILENO);
		execlp("iox-roudi", "iox-roudi", "--monitoring-mode", "off",
		       nullptr);
		_exit(127);
	}
	~Daemon()
	{
		if (getpid() != owner)
			return;
		kill(pid, SIGTERM);
		waitpid(pid, nullptr, 0);
	}
	Daemon(const Daemon &) = delete;
	Daemon &operator=(const Daemon &) = delete;
};

/* A process that takes part. It waits for the daemon, and tells it of its end. */
static void join()
{
	need_exit();
	std::string name = "bench-" + std::to_string(getpid());

	iox::log::LogManager::GetLogManager().SetDefaultLogLevel(
		iox::log::LogLevel::kError,
		iox::log::LogLevelOutput::kHideLogLevel);
	iox::runtime::PoshRuntime::initRuntime(
		iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name));
}

iox::capro::ServiceDescription Iceoryx::service() const
{
	return { "bench", "queue",
		 iox::capro::IdString_t(iox::cxx::TruncateToCapacity, topic) };
}

Iceoryx::Iceoryx(size_t ring, size_t max)
    : messages(std::clamp(ring / max, size_t{ 1 }, size_t{ 256 }))
{
	static Daemon daemon;
	static unsigned int made;

	topic = std::to_string(getpid()) + "-" + std::to_string(++made);
}

Iceoryx::Producer::Producer(Iceoryx &queue)
{
	iox::popo::PublisherOptions options;
	Patience patience;

	join();
	options.subscriberTooSlowPolicy =
		iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
	publisher = std::make_unique<iox::popo::UntypedPublisher>(
		queue.service(), options);
	while (!publisher->hasSubscribers())
		patience.wait();
}

Iceoryx::Consumer::Consumer(Iceoryx &queue)
{
	iox::popo::SubscriberOptions options;

	join();
	options.queueCapacity = queue.messages;
	options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
	subscriber = std::make_unique<iox::popo::UntypedSubscriber>(
		queue.service(), options);
}

} // namespace bench
