/** The page: its frame and its rooms. */

import { ClustersRoom } from "./clusters/room.js";
import { CollectionsRoom } from "./collections/room.js";
import { DriftRoom } from "./drift/room.js";
import { DuplicatesRoom } from "./duplicates/room.js";
import { Frame } from "./frame.js";
import { JobsRoom } from "./jobs/room.js";
import { MapRoom } from "./map/room.js";
import { OutliersRoom } from "./outliers/room.js";
import { SearchRoom } from "./search/room.js";

const frame = new Frame();
frame.add("search", new SearchRoom(frame));
frame.add("collections", new CollectionsRoom(frame));
frame.add("map", new MapRoom(frame));
frame.add("clusters", new ClustersRoom(frame));
frame.add("outliers", new OutliersRoom(frame));
frame.add("duplicates", new DuplicatesRoom(frame));
frame.add("drift", new DriftRoom(frame));
frame.add("jobs", new JobsRoom(frame));
frame.start();
