// The measuring half of a terminal in C++: frames in, the parts of factor profile 1 out, latencies as a
// histogram.
//
//   terminal GENERATOR.onnx [--frames FILE HEIGHT WIDTH] [--count N] [--out FILE]
//
// FILE holds raw RGB frames one after the other; without it a moving pattern of 640x480 is drawn. --out
// writes for each frame what Python's ImageFactor holds behind its SHA-256: 16x16 block means, then 128 row
// sums (int32). Nothing is allocated after the first frame. Sealing is Python's.

#include <onnxruntime_c_api.h>
#include <sealframe/sealframe.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::size_t side = 128, pixels = side * side, window = 7, block = 8;
constexpr std::array<std::int64_t, 4> tiles_shape = {16, 16, 16, 4};

struct Factor {
    std::array<std::uint8_t, pixels / (block * block)> block_means;
    std::array<std::int32_t, side> row_sums;
};

void check(std::int32_t status) {
    if (status != SF_OK) throw std::runtime_error(sf_status_text(status));
}

/// The generator network, its tensors in this object's own memory.
class Generator {
  public:
    explicit Generator(const std::string& file) {
        setenv("ORT_DISABLE_TELEMETRY", "1", 0);  // from 1.29 on it collects telemetry otherwise
        check(api->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "terminal", &environment));
        check(api->CreateSessionOptions(&options));
        // One thread and no rewriting of the graph: both change the speed alone, and this is the fastest.
        check(api->SetIntraOpNumThreads(options, 1));
        check(api->SetSessionGraphOptimizationLevel(options, ORT_DISABLE_ALL));
        check(api->CreateSession(environment, file.c_str(), options, &session));
        check(api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory));
        input = tensor(image);
        output = tensor(derived);
    }

    Generator(const Generator&) = delete;
    Generator& operator=(const Generator&) = delete;

    ~Generator() {
        api->ReleaseValue(output);
        api->ReleaseValue(input);
        api->ReleaseMemoryInfo(memory);
        api->ReleaseSession(session);
        api->ReleaseSessionOptions(options);
        api->ReleaseEnv(environment);
    }

    /// From `image` to `derived`.
    void run() {
        const char *from = "image", *to = "derived";
        check(api->Run(session, nullptr, &from, &input, 1, &to, 1, &output));
    }

    std::array<std::uint8_t, pixels> image{}, derived{};

  private:
    void check(OrtStatus* status) const {
        if (status == nullptr) return;
        const std::string message = api->GetErrorMessage(status);
        api->ReleaseStatus(status);
        throw std::runtime_error(message);
    }

    OrtValue* tensor(std::array<std::uint8_t, pixels>& bytes) const {
        OrtValue* value = nullptr;
        check(api->CreateTensorWithDataAsOrtValue(memory, bytes.data(), bytes.size(), tiles_shape.data(),
                                                  tiles_shape.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
                                                  &value));
        return value;
    }

    const OrtApi* api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    OrtEnv* environment = nullptr;
    OrtSessionOptions* options = nullptr;
    OrtSession* session = nullptr;
    OrtMemoryInfo* memory = nullptr;
    OrtValue *input = nullptr, *output = nullptr;
};

/// A frame's way to its factor, with all memory it needs.
class Measurement {
  public:
    Measurement(const std::string& network, std::size_t rows, std::size_t columns)
        : generator(network), height(rows), width(columns) {
        std::size_t first = 0, second = 0;
        const sf_image frame = image_of(image.data());  // sizes count here, no pixel is read
        check(sf_area_mean_scratch(&frame, &request, &first));
        check(sf_window_cosine_scratch(side, side, window, &second));
        scratch.resize((std::max(first, second) + 7) / 8);
    }

    void operator()(const std::uint8_t* rgb, Factor& factor) {
        const sf_image frame = image_of(rgb);
        const std::size_t scratch_bytes = scratch.size() * 8;
        check(sf_area_mean(&frame, &request, generator.image.data(), scratch.data(), scratch_bytes));
        generator.run();
        check(sf_unblock(generator.image.data(), side, side, image.data()));
        check(sf_unblock(generator.derived.data(), side, side, derived.data()));
        check(sf_window_cosine(image.data(), derived.data(), side, side, window, map.data(), scratch.data(),
                               scratch_bytes));
        check(sf_block_means(derived.data(), side, side, block, factor.block_means.data()));
        check(sf_row_sums(map.data(), side, side, factor.row_sums.data()));
    }

  private:
    sf_image image_of(const std::uint8_t* rgb) const {
        return {sizeof(sf_image), SF_RGB, rgb, height, width, static_cast<std::ptrdiff_t>(3 * width), 3};
    }

    Generator generator;
    std::size_t height, width;
    sf_area_mean_request request{sizeof(sf_area_mean_request), SF_FEATURE_GRAY, SF_BLOCKS, 0, side, side};
    std::array<std::uint8_t, pixels> image{}, derived{};
    std::array<std::int8_t, pixels> map{};
    std::vector<std::uint64_t> scratch;
};

/// Frames from a file, or drawn.
class Frames {
  public:
    Frames(const std::string& path, std::size_t rows, std::size_t columns)
        : height(rows), width(columns), rgb(rows * columns * 3) {
        if (path.empty()) return;
        file.open(path, std::ios::binary);
        if (!file) throw std::runtime_error("cannot read " + path);
    }

    const std::uint8_t* next() {
        if (!file.is_open()) {
            draw();
        } else if (!file.read(reinterpret_cast<char*>(rgb.data()),
                              static_cast<std::streamsize>(rgb.size()))) {
            return nullptr;
        }
        return rgb.data();
    }

  private:
    void draw() {
        ++drawn;
        for (std::size_t i = 0; i < rgb.size(); ++i) {
            const std::size_t x = i / 3 % width, y = i / 3 / width;
            rgb[i] = static_cast<std::uint8_t>((x + 3 * drawn) ^ (y + 40 * (i % 3)));
        }
    }

    std::ifstream file;
    std::size_t height, width, drawn = 0;
    std::vector<std::uint8_t> rgb;
};

/// Eight classes to a doubling, so each is 9 % wide.
void print_histogram(std::vector<double> milliseconds) {
    std::sort(milliseconds.begin(), milliseconds.end());
    const auto quantile = [&](double q) {
        return milliseconds[static_cast<std::size_t>(q * static_cast<double>(milliseconds.size() - 1))];
    };
    const auto class_of = [](double value) { return static_cast<int>(std::floor(8 * std::log2(value))); };
    const int first = class_of(milliseconds.front()), last = class_of(milliseconds.back());
    std::vector<std::size_t> counts(static_cast<std::size_t>(last - first + 1));
    for (const double value : milliseconds) ++counts[static_cast<std::size_t>(class_of(value) - first)];
    const std::size_t most = *std::max_element(counts.begin(), counts.end());
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] == 0) continue;
        const std::string bar((counts[i] * 50 + most - 1) / most, '#');
        std::printf("%8.3f ms %-50s %zu\n", std::exp2((first + static_cast<int>(i)) / 8.0), bar.c_str(),
                    counts[i]);
    }
    std::printf("%zu frames, %s kernels: median %.3f ms, 95 %% %.3f ms, 99 %% %.3f ms, longest %.3f ms\n",
                milliseconds.size(), sf_isa(), quantile(0.5), quantile(0.95), quantile(0.99),
                milliseconds.back());
}

struct Arguments {
    std::string network, frames, out;
    std::size_t height = 480, width = 640, count = 300;
};

Arguments parse(std::span<char*> words) {
    Arguments arguments;
    const auto number = [&](std::size_t i) {
        if (i >= words.size()) throw std::invalid_argument("a number is missing");
        return static_cast<std::size_t>(std::stoul(words[i]));
    };
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string word = words[i];
        if (word == "--frames" && i + 3 < words.size()) {
            arguments.frames = words[i + 1];
            arguments.height = number(i + 2);
            arguments.width = number(i + 3);
            i += 3;
        } else if (word == "--count") {
            arguments.count = number(++i);
        } else if (word == "--out" && i + 1 < words.size()) {
            arguments.out = words[++i];
        } else if (arguments.network.empty() && word.substr(0, 2) != "--") {
            arguments.network = word;
        } else {
            throw std::invalid_argument("unknown: " + word);
        }
    }
    if (arguments.network.empty()) throw std::invalid_argument("no network is given");
    return arguments;
}

void run(const Arguments& arguments) {
    Measurement measure(arguments.network, arguments.height, arguments.width);
    Frames frames(arguments.frames, arguments.height, arguments.width);
    std::ofstream out;
    if (!arguments.out.empty()) out.open(arguments.out, std::ios::binary);
    std::vector<double> milliseconds;
    milliseconds.reserve(arguments.count);
    Factor factor{};
    while (milliseconds.size() < arguments.count) {
        const std::uint8_t* rgb = frames.next();
        if (rgb == nullptr) break;
        const auto before = std::chrono::steady_clock::now();
        measure(rgb, factor);
        const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - before;
        milliseconds.push_back(passed.count());
        if (out.is_open()) out.write(reinterpret_cast<const char*>(&factor), sizeof factor);
    }
    if (milliseconds.empty()) throw std::runtime_error("no whole frame in " + arguments.frames);
    if (out.is_open() && !out.flush()) throw std::runtime_error("cannot write " + arguments.out);
    print_histogram(std::move(milliseconds));
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (sf_abi_version() != SF_ABI_VERSION)
            throw std::runtime_error("another version of sealframe is loaded");
        run(parse(std::span(argv, static_cast<std::size_t>(argc)).subspan(1)));
        return 0;
    } catch (const std::invalid_argument& error) {
        std::cerr
            << "terminal: " << error.what()
            << "\nusage: terminal GENERATOR.onnx [--frames FILE HEIGHT WIDTH] [--count N] [--out FILE]\n";
        return 2;
    } catch (const std::exception& error) {
        std::cerr << "terminal: " << error.what() << '\n';
        return 1;
    }
}
