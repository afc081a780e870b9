using System.Linq.Expressions;
using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// Sees every call of the whole model: when it begins and ends, and the first tensor among its arguments, whose rows are the
/// examples. The layers see only tensors, in which a dimension of examples looks like any other; what the model is called with
/// is the one place where the number of examples is sure.
/// </summary>
internal static class RootCall
{
    /// <summary>Whether the model is one of TorchSharp's modules with typed arguments.</summary>
    public static bool CanObserve(nn.Module model) => HookableType(model) is not null;

    /// <summary>Calls <paramref name="begin"/> with the examples (null if there are none) before, and <paramref name="end"/> after, each call.</summary>
    /// <returns>Removes the hooks.</returns>
    public static Action Observe(nn.Module model, Action<Tensor?> begin, Action end)
    {
        return (Action)typeof(RootCall).GetMethod(nameof(Install), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(HookableType(model)!.GetGenericArguments())
            .Invoke(null, BindingFlags.DoNotWrapExceptions, null, [model, begin, end], null)!;
    }

    private static Type? HookableType(nn.Module model)
    {
        var type = model.GetType();
        while (type is not null && !(type.IsGenericType && type.GetGenericTypeDefinition() == typeof(nn.HookableModule<,>)))
            type = type.BaseType;
        return type;
    }

    private static Action Install<TPreHook, TPostHook>(nn.HookableModule<TPreHook, TPostHook> model, Action<Tensor?> begin, Action end)
        where TPreHook : Delegate
        where TPostHook : Delegate
    {
        var before = model.register_forward_pre_hook(PreHook<TPreHook>(begin));
        var after = model.register_forward_hook((nn.Module _) => end());
        return () =>
        {
            before.remove();
            after.remove();
        };
    }

    /// <summary>
    /// A delegate of the hook's type, which differs with the number and types of the model's arguments. It returns the
    /// default value, which tells TorchSharp to leave the arguments as they are.
    /// </summary>
    private static TPreHook PreHook<TPreHook>(Action<Tensor?> begin)
        where TPreHook : Delegate
    {
        var invoke = typeof(TPreHook).GetMethod("Invoke")!;
        var parameters = invoke.GetParameters()
            .Select(p => Expression.Parameter(p.ParameterType)).ToArray();
        var arguments = Expression.NewArrayInit(
            typeof(object),
            parameters.Skip(1).Select(p => Expression.Convert(p, typeof(object))));
        var call = Expression.Invoke(
            Expression.Constant((Action<object?[]>)(values => begin(Examples(values)))), arguments);
        return Expression.Lambda<TPreHook>(
            Expression.Block(call, Expression.Default(invoke.ReturnType)),
            parameters).Compile();
    }

    /// <summary>What the model was called with, if it is still there.</summary>
    /// <exception cref="InvalidOperationException">It is disposed.</exception>
    public static Tensor NotDisposed(Tensor input) => !input.IsInvalid ? input : throw new InvalidOperationException(
        "The model was called with a tensor that is disposed. A loader disposes each batch when it draws the next: use it inside the loop, " +
        "and keep no batches in a list.");

    private static Tensor? Examples(object?[] arguments)
    {
        foreach (var argument in arguments)
        {
            if (argument is Tensor tensor && NotDisposed(tensor).dim() > 0)
                return tensor;
            if (argument is ITuple tuple && Examples(Enumerable.Range(0, tuple.Length).Select(i => tuple[i]).ToArray()) is { } examples)
                return examples;
        }
        return null;
    }
}
