package dev.backstep.job.retention;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * What happens by itself behind scheduled backups.
 *
 * @param merge whether chains are shortened behind a scheduled backup; unless set they are
 * @param pruneApproval whether a stored plan is run only when another user has approved it, and a
 *     scheduled prune becomes such a plan; unless set it is not so
 */
@ConfigurationProperties("backstep.server")
public record RetentionSettings(
    @DefaultValue("true") boolean merge, @DefaultValue("false") boolean pruneApproval) {}
