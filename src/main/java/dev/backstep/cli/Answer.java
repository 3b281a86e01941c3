package dev.backstep.cli;

import dev.backstep.job.BackupDocument;
import java.util.LinkedHashMap;
import java.util.Map;

/** Says in one line, or one small JSON object, that something was done. */
record Answer(Session session, CommandOptions options) {

  void done(String id, String word, String sentence) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("id", id);
    fields.put("result", word);
    session.terminal().result(options.json() ? BackupDocument.text(fields) : id + " " + sentence);
  }
}
