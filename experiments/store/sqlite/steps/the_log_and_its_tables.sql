-- The log, and the tables of counts that follow from it.
--
-- reach, exposed, patterns and ledger follow from events through journey.py; `yesladder verify` recounts them, save those
-- of expired phases, whose counts never change again. Cohorts are hours since 1970-01-01T00Z (segments, patterns: days).

-- one row per message id: the log; `at` and `received_at` are microseconds since 1970-01-01T00Z
CREATE TABLE "events" (
   "message_id" TEXT PRIMARY KEY,
   "kind" TEXT NOT NULL,
   "visitor" TEXT NOT NULL,
   "joined" TEXT,
   "name" TEXT NOT NULL,
   "experiment" TEXT,
   "variant" TEXT,
   "at" INTEGER NOT NULL,
   "received_at" INTEGER NOT NULL,
   "properties" TEXT NOT NULL,
   "attributes" TEXT NOT NULL
) STRICT;
CREATE INDEX "idx_events_visitor"
    ON "events" ("visitor");
CREATE INDEX "idx_events_joined"
    ON "events" ("joined");
CREATE INDEX "idx_events_experiment_at"
    ON "events" ("experiment", "at");
CREATE INDEX "idx_events_received_at"
    ON "events" ("received_at");

-- visitors per phase, hour and variant, before exclusions
CREATE TABLE "exposed" (
   "experiment" TEXT,
   "phase" INTEGER,
   "cohort" INTEGER,
   "variant" TEXT,
   "visitors" INTEGER NOT NULL,
   PRIMARY KEY ("experiment", "phase", "cohort", "variant")
) STRICT;

-- visitors and reached per phase, step, (segment attribute and level), cohort, stratum, variant
CREATE TABLE "reach" (
   "experiment" TEXT,
   "phase" INTEGER,
   "step" TEXT,
   "attribute" TEXT,
   "level" TEXT,
   "cohort" INTEGER,
   "stratum" TEXT,
   "variant" TEXT,
   "visitors" INTEGER NOT NULL,
   "reached" INTEGER NOT NULL,
   PRIMARY KEY ("experiment", "phase", "step", "attribute", "level", "cohort", "stratum", "variant")
) STRICT;

-- visitors and value per phase, (segment), day, variant and pattern of steps reached
CREATE TABLE "patterns" (
   "experiment" TEXT,
   "phase" INTEGER,
   "attribute" TEXT,
   "level" TEXT,
   "cohort" INTEGER,
   "variant" TEXT,
   "pattern" INTEGER,
   "visitors" INTEGER NOT NULL,
   "value_sum" INTEGER NOT NULL,
   "value_sq" INTEGER NOT NULL,
   PRIMARY KEY ("experiment", "phase", "attribute", "level", "cohort", "variant", "pattern")
) STRICT;

-- what was not counted, or counted with a mark: per phase, reason and variant
CREATE TABLE "ledger" (
   "experiment" TEXT,
   "phase" INTEGER,
   "reason" TEXT,
   "variant" TEXT,
   "count" INTEGER NOT NULL,
   PRIMARY KEY ("experiment", "phase", "reason", "variant")
) STRICT;

-- the definition by which each phase's rows above were counted
CREATE TABLE "phases" (
   "experiment" TEXT,
   "phase" INTEGER,
   "definition" TEXT,
   PRIMARY KEY ("experiment", "phase")
) STRICT;

-- dated changes of numbers already published
CREATE TABLE "revisions" (
   "revised_on" TEXT,
   "cause" TEXT,
   "experiment" TEXT,
   "phase" INTEGER,
   "cohort_from" INTEGER,
   "cohort_to" INTEGER,
   PRIMARY KEY ("revised_on", "cause", "experiment", "phase")
) STRICT;

-- the newest refused events
CREATE TABLE "refusals" (
   "id" INTEGER PRIMARY KEY,
   "refused_at" INTEGER,
   "reason" TEXT,
   "detail" TEXT,
   "message_id" TEXT,
   "name" TEXT,
   "visitor" TEXT,
   "experiment" TEXT
) STRICT;

-- how many of each reason were refused, ever
CREATE TABLE "refused" (
   "reason" TEXT PRIMARY KEY,
   "count" INTEGER
) STRICT;
