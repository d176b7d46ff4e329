// Places a network that goes down to small maps and up again as a U, with its skips across.

import { joined, labels } from "./edges.js";
import { textWidth } from "./measure.js";

const ACROSS = 110; // between the arms
const BETWEEN = 34; // between boxes of an arm

// Return the boxes as a U, or null if the network is none.
export function placeAsU(network, boxes, edges, inner) {
  return null;
}
