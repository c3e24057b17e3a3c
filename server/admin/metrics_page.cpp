#include "server/admin/metrics_page.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>

namespace hubkeep {

prometheus::MetricFamily& MetricsPage::family(const std::string& name, const std::string& help,
                                              prometheus::MetricType type) {
    const auto found = std::ranges::find(families_, name, &prometheus::MetricFamily::name);
    if (found != families_.end()) return *found;
    return families_.emplace_back(prometheus::MetricFamily{name, help, type, {}});
}

void MetricsPage::gauge(const std::string& name, const std::string& help, double value,
                        Labels labels) {
    prometheus::ClientMetric sample;
    sample.label = std::move(labels);
    sample.gauge.value = value;
    family(name, help, prometheus::MetricType::Gauge).metric.push_back(std::move(sample));
}

void MetricsPage::counter(const std::string& name, const std::string& help, double value,
                          Labels labels) {
    prometheus::ClientMetric sample;
    sample.label = std::move(labels);
    sample.counter.value = value;
    family(name, help, prometheus::MetricType::Counter).metric.push_back(std::move(sample));
}

std::string MetricsPage::text() const {
    return prometheus::TextSerializer().Serialize(families_);
}

}  // namespace hubkeep
