// The client library from C++: pushes one submission, waits until it is scored, prints how many of its rows counted.
#include <parbus/feed.h>
#include <parbus/feeder.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

struct CloseFeeder {
    void operator()(parbus_feeder *feeder) const { parbus_feeder_close(&feeder); }
};

Parbus__Submission submission_of(std::string &index, std::string &period, std::string &unit,
                                 std::vector<std::uint32_t> &indicator, std::vector<double> &value)
{
    Parbus__Submission s = PARBUS__SUBMISSION__INIT;
    s.index = index.data();
    s.period = period.data();
    s.unit = unit.data();
    s.has_stage = true;
    s.stage = PARBUS__STAGE__STAGE_APPRAISED_1;
    s.n_indicator = indicator.size();
    s.indicator = indicator.data();
    s.n_value = value.size();
    s.value = value.data();
    return s;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    std::string index = "qd766", period = "2025", unit = "Hà Nội";
    std::vector<std::uint32_t> indicator = {2, 3, 4294967295};
    std::vector<double> value = {10.25, 4.5, 1};
    parbus_err_text e = {};
    parbus_feeder_options options = {};
    options.endpoint = argv[1];
    options.name = "outside-cc";
    parbus_feeder *opened = nullptr;
    parbus_err err = parbus_feeder_open(&opened, &options, &e);
    std::unique_ptr<parbus_feeder, CloseFeeder> feeder(opened);
    Parbus__Submission s = submission_of(index, period, unit, indicator, value);
    if (err == PARBUS_OK)
        err = parbus_feeder_submit(feeder.get(), &s, nullptr, &e);
    for (int i = 0; err == PARBUS_OK && i < 200 && parbus_feeder_totals(feeder.get()).scored == 0; i++)
        err = parbus_feeder_poll(feeder.get(), 100, &e);
    if (err != PARBUS_OK)
        std::cerr << parbus_err_name(err) << ": " << e.text << '\n';
    else
        std::cout << "accepted " << parbus_feeder_totals(feeder.get()).accepted_rows << " rejected "
                  << parbus_feeder_totals(feeder.get()).rejected_rows << ' '
                  << parbus_reason_name(PARBUS__REASON__REJECTED_INDICATOR_UNKNOWN) << '\n';
    return err == PARBUS_OK ? 0 : 1;
}
