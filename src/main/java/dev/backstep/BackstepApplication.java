package dev.backstep;

import dev.backstep.catalog.CatalogConfiguration;
import dev.backstep.source.SourceProvider;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.quartz.autoconfigure.QuartzAutoConfiguration;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.FilterType;
import org.springframework.context.annotation.Import;

/**
 * What the program is made of. Jobs bring their own configuration; sources know no Spring and are
 * found by what they implement.
 */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration(exclude = QuartzAutoConfiguration.class)
@Import(CatalogConfiguration.class)
@ComponentScan(basePackages = "dev.backstep.job")
@ComponentScan(
    basePackages = "dev.backstep.source",
    useDefaultFilters = false,
    includeFilters =
        @ComponentScan.Filter(type = FilterType.ASSIGNABLE_TYPE, classes = SourceProvider.class))
class BackstepApplication {}
