/** The page: its frame and its rooms. */

import { CollectionsRoom } from "./collections/room.js";
import { Frame } from "./frame.js";
import { JobsRoom } from "./jobs/room.js";
import { SearchRoom } from "./search/room.js";

const frame = new Frame();
frame.add("search", new SearchRoom(frame));
frame.add("collections", new CollectionsRoom(frame));
frame.add("jobs", new JobsRoom(frame));
frame.start();
