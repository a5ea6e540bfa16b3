// What to do when the server ends by itself: start it again, but not for ever. Tested without VS Code.

/** As many as VS Code's own clients allow before they say so. */
const MOST = 4;
const WITHIN_MS = 3 * 60_000;

/** Counts the times that the server ended by itself. */
export class Crashes {
  private times: number[] = [];

  /** May it be started again by itself? Not when it ended too often of late. */
  again(now: number): boolean {
    this.times = [...this.times.filter((time) => now - time < WITHIN_MS), now];
    return this.times.length <= MOST;
  }
}
