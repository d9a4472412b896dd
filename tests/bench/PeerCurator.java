// SPDX-License-Identifier: MIT
//
// PeerCurator - Curator's InterProcessMutex under the workloads of tests/bench.
//
//	java PeerCurator cycle|crowd|many SERVERS SECONDS [N]
//
// crowd: N threads, one lock; many: N threads, a lock each; one session for
// all of them, which is how Curator is meant to be used.  One line of JSON, as
// the drivers in C print it.

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;

public final class PeerCurator {
	private static final String ROOT = "/bench-curator";
	private static volatile boolean over;
	private static final AtomicLong released = new AtomicLong();

	private static final class Worker extends Thread {
		private final InterProcessMutex lock;
		private final boolean gaps;
		private long cycles;
		private long[] times = new long[1024];
		private int len;

		Worker(CuratorFramework client, String path, boolean gaps) {
			this.lock = new InterProcessMutex(client, path);
			this.gaps = gaps;
		}

		private void note(long ns) {
			if (len == times.length)
				times = Arrays.copyOf(times, 2 * len);
			times[len++] = ns;
		}

		@Override
		public void run() {
			try {
				while (!over)
					cycle();
			} catch (Exception e) {
				throw new IllegalStateException(e);
			}
		}

		private void cycle() throws Exception {
			long begin = System.nanoTime();

			lock.acquire();
			long now = System.nanoTime();
			long last = released.getAndSet(0);
			if (!over) {
				cycles++;
				if (!gaps)
					note(now - begin);
				else if (last != 0)
					note(now - last);
			}
			released.set(System.nanoTime());
			lock.release();
		}
	}

	private static double quantile(long[] times, double part) {
		if (times.length == 0)
			return 0;
		int at = (int) (part * times.length);
		return times[Math.min(at, times.length - 1)] / 1e3;
	}

	private static void show(List<Worker> workers, double seconds) {
		long cycles = 0, fewest = Long.MAX_VALUE, most = 0;
		int len = 0;

		for (Worker worker : workers) {
			cycles += worker.cycles;
			fewest = Math.min(fewest, worker.cycles);
			most = Math.max(most, worker.cycles);
			len += worker.len;
		}
		long[] times = new long[len];
		int at = 0;
		for (Worker worker : workers) {
			System.arraycopy(worker.times, 0, times, at, worker.len);
			at += worker.len;
		}
		Arrays.sort(times);
		System.out.printf("{\"cycles\": %d, \"seconds\": %.6f, "
			+ "\"rate\": %.3f, \"p50_us\": %.3f, \"p99_us\": %.3f, "
			+ "\"fewest\": %d, \"most\": %d}%n", cycles, seconds,
			cycles / seconds, quantile(times, 0.5),
			quantile(times, 0.99), fewest, most);
	}

	public static void main(String[] args) throws Exception {
		String what = args[0];
		double seconds = Double.parseDouble(args[2]);
		int n = args.length > 3 ? Integer.parseInt(args[3]) : 1;
		List<Worker> workers = new ArrayList<>();

		try (CuratorFramework client = CuratorFrameworkFactory.newClient(
				args[1], 20000, 20000,
				new ExponentialBackoffRetry(100, 10))) {
			client.start();
			client.blockUntilConnected();
			for (int i = 0; i < n; i++)
				workers.add(new Worker(client, what.equals("many")
					? ROOT + "/many-" + i : ROOT + "/" + what,
					what.equals("crowd")));
			long start = System.nanoTime();
			for (Worker worker : workers)
				worker.start();
			Thread.sleep((long) (seconds * 1000));
			over = true;
			double took = (System.nanoTime() - start) / 1e9;
			for (Worker worker : workers)
				worker.join();
			show(workers, took);
		}
	}
}
