using System.Reflection;
using static TorchSharp.torch;

namespace DpSgd.Validation;

/// <summary>Activations and dropout that write their output over their input. TorchSharp lets it be changed.</summary>
internal static class InPlace
{
    /// <summary>Whether the module changes its input.</summary>
    public static bool Changes(nn.Module module) => Property(module)?.GetValue(module) is true;

    /// <summary>Makes it leave its input as it is.</summary>
    public static void TurnOff(nn.Module module) => Property(module)!.SetValue(module, false);

    private static PropertyInfo? Property(nn.Module module) =>
        module.GetType().GetProperty("inplace", typeof(bool)) is { CanRead: true, CanWrite: true } property ? property : null;
}
