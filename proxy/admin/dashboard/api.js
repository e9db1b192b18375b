// Calls of the admin API, with the token that it may ask for.

const TOKEN = "mysqlproxy.token";
const READ_LIMIT_MS = 8000; // The proxy answers in milliseconds: after that it is away.

/** A call that came to nothing; the message is a sentence for people. */
export class CallError extends Error {
  /** @param kind away: no answer; sign-in: a token is asked for; refused: anything else. */
  constructor(kind, message, status = 0) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

export class Api {
  constructor() {
    this.takeTokenFromAddress();
    window.addEventListener("hashchange", () => this.takeTokenFromAddress());
  }

  get token() {
    return sessionStorage.getItem(TOKEN) ?? "";
  }

  set token(value) {
    if (value) sessionStorage.setItem(TOKEN, value);
    else sessionStorage.removeItem(TOKEN);
  }

  /** A link may bring a token; it does not stay in the address bar and the history. */
  takeTokenFromAddress() {
    const fragment = new URLSearchParams(location.hash.slice(1));
    const token = fragment.get("token");
    if (token === null) return;
    this.token = token;
    fragment.delete("token");
    const rest = fragment.toString();
    history.replaceState(null, "", location.pathname + (rest ? `#${rest}` : ""));
  }

  /**
   * See something.
   *
   * @param segments of the path below /v1; names may hold anything.
   * @param query parameters by name.
   * @throws CallError
   */
  async get(segments, query = {}) {
    const asked = new URLSearchParams(query).toString();
    const path = pathOf(segments) + (asked ? `?${asked}` : "");
    return this.call(path, {}, AbortSignal.timeout(READ_LIMIT_MS));
  }

  /**
   * Do something.
   *
   * @param parameters for the body.
   * @param signal ends the waiting; what was begun goes on.
   * @throws CallError
   */
  async post(segments, parameters = {}, signal = null) {
    const options = {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(parameters),
    };
    return this.call(pathOf(segments), options, signal);
  }

  async call(path, options, signal) {
    const headers = { ...options.headers };
    if (this.token) headers.Authorization = `Bearer ${this.token}`;
    let response;
    let content = null;
    try {
      const settings = { ...options, headers, signal, cache: "no-store", credentials: "omit" };
      response = await fetch(new URL(path, document.baseURI), settings);
      content = await response.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      if (response === undefined || error.name === "TimeoutError") {
        throw new CallError("away", "The proxy does not answer.");
      }
      if (response.ok) throw new CallError("away", "What answers is no mysqlproxy.");
    }
    if (response.ok) return content;
    const why = content?.error ?? `${response.status} ${response.statusText}`;
    const kind = response.status === 401 ? "sign-in" : "refused";
    throw new CallError(kind, String(why), response.status);
  }
}

function pathOf(segments) {
  return `v1/${segments.map((segment) => encodeURIComponent(segment)).join("/")}`;
}
