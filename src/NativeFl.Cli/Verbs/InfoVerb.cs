using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Cuda;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cli.Verbs;

/// <summary>info: the devices of this machine, and with --model the memory that a training run would take.</summary>
internal static class InfoVerb
{
    private static Flag<bool> Kernels { get; } = new("--kernels", FlagTypes.Switch, false, "compile every CUDA kernel, without a device for sm_80 and sm_90, and list what each takes");

    public static Verb Verb => new(
        "info",
        "Show devices, and with --model the memory plan of a training run",
        [
            DataFlags.OptionalModel, DataFlags.OptionalData, .. TrainingFlags.Adapter, .. TrainingFlags.Optimiser, .. DataFlags.Prompt,
            OutputFlags.SaveType, Kernels,
        ],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        using ModelInput? input = run.Get(DataFlags.OptionalModel) is { Length: > 0 } folder ? ModelInput.Open(run, folder) : null;
        PlannedTraining? training = input is null ? null : Plan(run, input);
        var cuda = run.Backend as CudaBackend;
        string[] devices = cuda is null ? [run.Backend.DeviceName] : [cuda.DeviceName, CpuName(run)];
        var result = new JsonObject
        {
            ["version"] = ProductVersion.Text,
            ["runtime"] = RuntimeInformation.FrameworkDescription,
            ["os"] = RuntimeInformation.OSDescription,
            ["devices"] = JsonOutput.Texts(devices),
            ["unavailable"] = JsonOutput.Texts(run.NoCuda.Length > 0 ? [run.NoCuda] : []),
        };
        run.Print($"nativefl {ProductVersion.Text}, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}");
        run.Print(devices[0]);
        if (cuda is not null) CudaFigures.Add(run, cuda, run.Get(Kernels), result);
        foreach (string other in devices[1..]) run.Print(other);
        if (run.NoCuda.Length > 0) run.Print(run.NoCuda);
        if (cuda is null && run.Get(Kernels)) CudaFigures.AddCompiled(run, result);
        if (input is not null) AddPlan(run, input, training!, result);
        return result;
    }

    private static string CpuName(VerbRun run)
    {
        using CpuBackend cpu = DeviceChoice.OpenCpu(run.Flags);
        return cpu.DeviceName;
    }

    /// <summary>The run that is planned for; inputs are read before anything is printed.</summary>
    private static PlannedTraining Plan(VerbRun run, ModelInput input)
    {
        AdapterFolderContent? start = TrainingSetup.Start(run, input);
        double dropout = start?.Settings.Dropout ?? run.Get(TrainingFlags.LoraDropout);
        int rank = start?.Weights.Modules.Values.Max(f => f.Rank) ?? run.Get(TrainingFlags.Rank);
        LoraOptions lora = TrainingSetup.Lora(run, input.Config, rank, run.Get(TrainingFlags.Alpha).Of(rank));
        if (start is not null) lora = lora with { Targets = start.Targets };
        return new PlannedTraining(lora, TrainingRows(run, input), dropout > 0);
    }

    private static void AddPlan(VerbRun run, ModelInput input, PlannedTraining training, JsonObject result)
    {
        RunMemory memory = RunMemory.OfTraining(
            run.Backend, input.Config, input.WeightType, input.FileBytes, training.Lora, training.Rows, training.HasDropout);
        var blocks = new JsonArray();
        run.Print("");
        run.Print($"Memory of: train --model {input.Folder} --rank {training.Lora.Rank}, {training.Rows} token rows a micro-batch");
        foreach (MemoryPlan plan in memory.Plans)
        {
            run.Print($"  {plan.Name,-28}{Figures.Bytes(plan.Bytes),12}");
            blocks.Add((JsonNode)Block(plan));
        }

        run.Print($"  {"mapped checkpoint",-28}{Figures.Bytes(memory.MappedBytes),12}   while weights are read");
        run.Print($"  {"host copies",-28}{Figures.Bytes(memory.HostBytes),12}");
        run.Print($"  {"runtime",-28}{Figures.Bytes(memory.RuntimeBytes),12}");
        run.Print($"  {"peak",-28}{Figures.Bytes(memory.PeakBytes),12}");
        result["plan"] = blocks;
        result["mapped_bytes"] = memory.MappedBytes;
        result["host_bytes"] = memory.HostBytes;
        result["runtime_bytes"] = memory.RuntimeBytes;
        result["peak_bytes"] = memory.PeakBytes;
    }

    /// <summary>Rows of the largest micro-batch: of the data if it was given, else batch size times longest sequence.</summary>
    private static int TrainingRows(VerbRun run, ModelInput input)
    {
        int batch = run.Get(TrainingFlags.BatchSize);
        IReadOnlyList<string> files = run.Get(DataFlags.OptionalData);
        long rows = files.Count == 0
            ? (long)batch * TrainingData.MaxLength(run, input.Config)
            : TrainingData.Load(run, files, input.Config, input.Tokenizer).Select(e => (long)e.InputIds.Length).OrderDescending().Take(batch).Sum();
        return rows <= int.MaxValue ? (int)rows : throw new InvalidInputException("--batch-size", "fewer than 2^31 token rows", $"{rows}");
    }

    private static JsonObject Block(MemoryPlan plan) => new()
    {
        ["name"] = plan.Name,
        ["bytes"] = plan.Bytes,
        ["tensors"] = new JsonArray([.. plan.Slots.Select(slot => new JsonObject
        {
            ["name"] = slot.Name,
            ["shape"] = slot.Shape.ToString(),
            ["dtype"] = slot.DType.ToString().ToLowerInvariant(),
            ["bytes"] = slot.Bytes,
        })]),
    };

    private sealed record PlannedTraining(LoraOptions Lora, int Rows, bool HasDropout);
}
