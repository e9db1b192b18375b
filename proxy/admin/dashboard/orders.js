// The words of each action: what is asked, what it does, what came of it.

export function pause(proxy) {
  return {
    ask: {
      title: `Pause ${proxy}?`,
      text: "Its clients stay connected and are held between transactions: each new statement " +
        "waits until you resume it. Open transactions may go on to their end.",
    },
    verb: "Pause", grave: true, waits: true, title: `Pause ${proxy}`,
    path: ["proxies", proxy, "pause"],
    told: () => "It is paused: no transaction is open, and its clients wait.",
  };
}

export function resume(proxy) {
  return {
    ask: { title: `Resume ${proxy}?`, text: "The clients that are held go on." },
    verb: "Resume", title: `Resume ${proxy}`, path: ["proxies", proxy, "resume"],
    told: () => "Its clients go on.",
  };
}

export function drain(proxy, target) {
  return {
    ask: {
      title: `Drain ${target}?`,
      text: "It gets nothing new. What runs there may finish; transactions that take longer " +
        "than transaction_grace are cut off. It stays out of use until you undrain it.",
    },
    verb: "Drain", grave: true, waits: true, title: `Drain ${target}`,
    path: ["proxies", proxy, "targets", target, "drain"],
    told: () => "It is drained: nothing of it is lent.",
  };
}

export function undrain(proxy, target) {
  return {
    ask: { title: `Undrain ${target}?`, text: "It is used again, from now on." },
    verb: "Undrain", title: `Undrain ${target}`,
    path: ["proxies", proxy, "targets", target, "undrain"],
    told: () => "It is used again.",
  };
}

export function promote(proxy, target) {
  return {
    ask: {
      title: `Promote ${target}?`,
      text: "It becomes the writer. Clients wait between transactions until it takes the " +
        "writes, and go on there; transactions that take too long are rolled back.",
    },
    verb: "Promote", grave: true, waits: true, title: `Promote ${target}`,
    path: ["proxies", proxy, "targets", target, "promote"],
    told: () => "It takes the writes.",
  };
}

export function kill(client) {
  const who = `${client.user || "not logged in"} at ${client.address}`;
  return {
    ask: {
      title: `Kill client ${client.number}?`,
      text: `This is ${who}. Its statement is stopped, and an open transaction is rolled back.`,
    },
    verb: "Kill", grave: true, title: `Kill client ${client.number}`,
    path: ["proxies", client.proxy, "clients", client.number, "kill"],
    told: () => `${who} is disconnected.`,
  };
}

export function reload(path) {
  return {
    ask: {
      title: "Reload the configuration?",
      text: `${path || "The configuration"} is read again and checked as a whole. What may ` +
        "change while it runs is put in force at once; if there is any error, nothing changes. " +
        "Clients stay connected.",
    },
    verb: "Reload", title: "Reload the configuration", path: ["reload"], told: reloaded,
  };
}

function reloaded({ changed, needs_restart: later }) {
  const now = changed.length ? `Changed: ${changed.join(", ")}.` : "Nothing has changed.";
  return later.length ? `${now} Needs a restart: ${later.join(", ")}.` : now;
}

export function restart() {
  return {
    ask: {
      title: "Restart the proxy?",
      text: "A new process of the same command line takes over the listening sockets and the " +
        "clients that are between transactions; they stay connected. The old process serves " +
        "open transactions to their end, then leaves. If the new one does not come up, the " +
        "old one goes on.",
    },
    verb: "Restart", grave: true, title: "Restart", path: ["restart"],
    told: () => "A new process serves.",
  };
}

export function setLevel(level) {
  return {
    title: `Log level ${level}`, path: ["log"], parameters: { level },
    told: () => `Lines of level ${level} and above are logged, until the next reload.`,
  };
}

export function debugLogging(proxy, on) {
  return {
    ask: {
      title: on ? `Log the statements of ${proxy}?` : `Stop logging statements of ${proxy}?`,
      text: on
        ? "Each statement is written to the log, with what it is about: personal data may be " +
          "in it. Passwords and the like are left out. It costs throughput; end it soon."
        : "Statements are no longer written to the log.",
    },
    verb: on ? "Log them" : "Stop", grave: on,
    title: on ? `Debug logging of ${proxy}` : `No debug logging of ${proxy}`,
    path: ["proxies", proxy, "debug-logging"], parameters: { on },
    told: () => (on ? "Statements are logged." : "Statements are not logged any more."),
  };
}
