// Looks again and again, while the page is seen.

export class Polling {
  constructor(look, every) {
    this.look = look;
    this.every = every;
    this.ended = false;
    this.timer = 0;
    this.busy = false;
    this.again = () => document.hidden || this.now();
    document.addEventListener("visibilitychange", this.again);
  }

  async now() {
    clearTimeout(this.timer);
    if (this.ended || this.busy) return;
    this.busy = true;
    let every = this.every;
    try {
      const wanted = await this.look();
      if (typeof wanted === "number") every = wanted;
    } catch (error) {
      if (error.status === 401 || error.status === 404) every = Infinity;
    } finally {
      this.busy = false;
    }
    if (!this.ended && !document.hidden && Number.isFinite(every)) this.timer = setTimeout(() => this.now(), every);
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.again);
  }
}
