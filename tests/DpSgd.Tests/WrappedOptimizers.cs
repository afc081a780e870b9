using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Tests;

/// <summary>Every optimizer that TorchSharp has in .NET.</summary>
internal static class WrappedOptimizers
{
    public static readonly IReadOnlyDictionary<string, Func<IEnumerable<Parameter>, OptimizerHelper>> All =
        new Dictionary<string, Func<IEnumerable<Parameter>, OptimizerHelper>>
        {
            ["SGD"] = p => optim.SGD(p, 0.5),
            ["SGD with momentum"] = p => optim.SGD(p, 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.01),
            ["Adam"] = p => optim.Adam(p, 0.05),
            ["AdamW"] = p => optim.AdamW(p, 0.05),
            ["Adagrad"] = p => optim.Adagrad(p, 0.2),
            ["RMSprop"] = p => optim.RMSProp(p, 0.02),
            ["Adadelta"] = p => optim.Adadelta(p, 5),
            ["Adamax"] = p => optim.Adamax(p, 0.05),
            ["NAdam"] = p => optim.NAdam(p, 0.05),
            ["RAdam"] = p => optim.RAdam(p, 0.3),
            ["ASGD"] = p => optim.ASGD(p, 0.5),
            ["Rprop"] = p => optim.Rprop(p, 0.01),
        };

    public static TheoryData<string> Names => [.. All.Keys];
}
