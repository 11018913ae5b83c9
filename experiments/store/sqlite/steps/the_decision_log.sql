-- verdicts once reached, with the look that reached them; written once, never changed
CREATE TABLE "decisions" (
   "experiment" TEXT,
   "phase" INTEGER,
   "step" TEXT,
   "variant" TEXT,
   "state" TEXT,
   "versus" TEXT NOT NULL,
   "decided_at" INTEGER NOT NULL,
   "visitors" INTEGER NOT NULL,
   "p_value" REAL,
   "p_value_adjusted" REAL,
   "relative_interval" TEXT NOT NULL,
   "method" TEXT NOT NULL,
   "alpha" REAL NOT NULL,
   "family" TEXT NOT NULL,
   "tables" TEXT NOT NULL,
   "recorded_at" INTEGER NOT NULL,
   PRIMARY KEY ("experiment", "phase", "step", "variant", "state")
) STRICT;
