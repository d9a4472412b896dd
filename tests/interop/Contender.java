// SPDX-License-Identifier: MIT
//
// Contender - Curator's locks as contenders, a session each.
//
//	java Contender KINDS SERVERS PATH FOLDER HOLD_MS SLOTS
//
// KINDS is one word for each contender, with commas between: mutex, write,
// read, semaphore, revocable (a mutex that says "revoked" when somebody writes
// __REVOKE__ into its node).  It says "ready", begins at a line on its input,
// ends at the end of it, and says one line of JSON.

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.retry.RetryOneTime;

public final class Contender extends Thread {
	private static final int PATIENCE_S = 60;
	private static final int SESSION_MS = 10000;
	private static volatile boolean over;

	/** What a contender does to take and to give back. */
	private interface Taking {
		boolean take() throws Exception;
		void give() throws Exception;
	}

	private final String who;
	private final String letter;
	private final Path folder;
	private final long holdMs;
	private final int slots;
	private final CuratorFramework client;
	private final Taking taking;
	private final List<String> overlaps = new ArrayList<>();
	private final List<String> errors = new ArrayList<>();
	private int grants;

	private Contender(int me, String kind, String[] args) throws Exception {
		who = "curator" + me;
		folder = Paths.get(args[3]);
		holdMs = Long.parseLong(args[4]);
		slots = Integer.parseInt(args[5]);
		client = CuratorFrameworkFactory.newClient(args[1], SESSION_MS,
			SESSION_MS, new RetryOneTime(100));
		client.start();
		client.blockUntilConnected();
		letter = kind.equals("read") ? "r"
			: kind.equals("semaphore") ? "n" : "x";
		taking = kind.equals("semaphore") ? semaphore(args[2])
			: mutex(kind, args[2]);
	}

	private Taking mutex(String kind, String path) {
		InterProcessMutex lock;

		if (kind.equals("mutex") || kind.equals("revocable"))
			lock = new InterProcessMutex(client, path);
		else if (kind.equals("write"))
			lock = new InterProcessReadWriteLock(client, path).writeLock();
		else if (kind.equals("read"))
			lock = new InterProcessReadWriteLock(client, path).readLock();
		else
			throw new IllegalArgumentException(kind);
		if (kind.equals("revocable"))
			lock.makeRevocable(one -> say("revoked"));
		return new Taking() {
			@Override
			public boolean take() throws Exception {
				return lock.acquire(PATIENCE_S, TimeUnit.SECONDS);
			}

			@Override
			public void give() throws Exception {
				lock.release();
			}
		};
	}

	private Taking semaphore(String path) {
		InterProcessSemaphoreV2 all =
			new InterProcessSemaphoreV2(client, path, slots);

		return new Taking() {
			private Lease lease;

			@Override
			public boolean take() throws Exception {
				lease = all.acquire(PATIENCE_S, TimeUnit.SECONDS);
				return lease != null;
			}

			@Override
			public void give() {
				all.returnLease(lease);
			}
		};
	}

	// As register.py has it.
	private Path enter() throws IOException {
		Path mine = Files.createFile(folder.resolve(letter + "-" + who));
		String[] there = new File(folder.toString()).list();
		boolean bad = there.length > 1;

		if (letter.equals("r"))
			bad = !Arrays.stream(there).allMatch(s -> s.startsWith("r-"));
		else if (letter.equals("n"))
			bad = there.length > slots;
		if (bad)
			overlaps.add(String.join(" ", there));
		return mine;
	}

	private void cycle() throws Exception {
		if (!taking.take())
			throw new IllegalStateException("no grant");
		Path inside = enter();
		Thread.sleep(holdMs);
		Files.delete(inside);
		taking.give();
		grants++;
	}

	@Override
	public void run() {
		try {
			while (!over)
				cycle();
		} catch (Exception e) {
			errors.add(who + ": " + e);
		}
		client.close();
	}

	private static synchronized void say(String line) {
		System.out.println(line);
		System.out.flush();
	}

	private static String list(List<String> words) {
		StringBuilder out = new StringBuilder("[");

		for (String word : words)
			out.append(out.length() > 1 ? ", " : "").append('"')
				.append(word.replaceAll("[\"\\\\]", "?")).append('"');
		return out.append(']').toString();
	}

	public static void main(String[] args) throws Exception {
		String[] kinds = args[0].split(",");
		List<Contender> all = new ArrayList<>();
		List<String> overlaps = new ArrayList<>();
		List<String> errors = new ArrayList<>();
		int grants = 0;

		for (int i = 0; i < kinds.length; i++)
			all.add(new Contender(i, kinds[i], args));
		say("ready");
		while (System.in.read() > '\n')
			continue;
		for (Contender one : all)
			one.start();
		while (System.in.read() >= 0)
			continue;
		over = true;
		for (Contender one : all) {
			one.join(PATIENCE_S * 1000L);
			grants += one.grants;
			overlaps.addAll(one.overlaps);
			errors.addAll(one.errors);
		}
		say("{\"grants\": " + grants + ", \"overlaps\": " + list(overlaps)
			+ ", \"errors\": " + list(errors) + "}");
	}
}
